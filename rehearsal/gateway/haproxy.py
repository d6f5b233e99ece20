"""The gateway's back: pools, active probes, retries and draining, as HAProxy configuration."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from rehearsal.base import templating
from rehearsal.base.settings import PLATFORM_DNS
from rehearsal.gateway.model import Backend, Gateway, Probe
from rehearsal.gateway.nginx import BACKEND_HEADER, BALANCER_PORT

ADMIN_PORT = 8081
"""HAProxy's runtime interface, on the gateway namespace's loopback."""
STATE_FILE = "/var/lib/haproxy/server-state"
"""What was known of the servers before a reload: a server that was down must not be up again until a probe fails."""
REVISION_VARIABLE = "LIVEGANG_REVISION"
"""HAProxy shows its value at the runtime interface: which configuration it serves."""
DEFAULT_DRAIN = 30
"""Seconds for requests under way at a reload where no draining is declared."""
CONNECT_TIMEOUT = 3

_TEMPLATE = Path(__file__).with_name("templates") / "haproxy.cfg.j2"
_WELL_KNOWN_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def trusted_roots_path(folder: str, backend: Backend) -> str:
    return f"{folder}/roots-{backend.name.replace(':', '.')}.pem"


def render(gateway: Gateway, folder: str, revision: str) -> str:
    """haproxy.cfg for the gateway's backends; the files it names are in ``folder``."""
    drains = [backend.settings.drain or 0 for backend in gateway.backends]
    servers = [server for backend in gateway.backends for server in backend.servers]
    return templating.render(
        _TEMPLATE,
        revision_variable=REVISION_VARIABLE,
        revision=revision,
        admin_port=ADMIN_PORT,
        state_file=STATE_FILE,
        drain=max(drains, default=0) or DEFAULT_DRAIN,
        # Pools may name servers by name; it is the platform's resolver that knows them.
        resolver=None if all(map(_is_address, servers)) else PLATFORM_DNS,
        connect_timeout=CONNECT_TIMEOUT,
        balancer_port=BALANCER_PORT,
        backend_header=BACKEND_HEADER,
        backends=gateway.backends,
        probe_host=_probe_host,
        quoted=_quoted,
        options=lambda backend, server: _options(backend, server, folder),
    )


def _options(backend: Backend, server: str, folder: str) -> str:
    """The options after a server's address."""
    settings, probe = backend.settings, backend.settings.probe
    words = [_tls(backend, server, folder)] if settings.protocol == "https" else []
    words.append(f"check inter {probe.interval}s fall {probe.threshold} rise 1")
    if probe.port is not None and probe.port != settings.port:
        words.append(f"port {probe.port}")
    if probe.protocol != settings.protocol:
        words.append("check-ssl verify none" if probe.protocol == "https" else "no-check-ssl")
    if settings.affinity_cookie:
        words.append(f"cookie {server}")
    if not _is_address(server):
        words.append("resolvers platform init-addr none")
    return " ".join(words)


def _tls(backend: Backend, server: str, folder: str) -> str:
    """Azure checks the backend's certificate against the host name, and speaks TLS 1.2 at most."""
    settings = backend.settings
    roots = trusted_roots_path(folder, backend) if settings.trusted_roots else _WELL_KNOWN_AUTHORITIES
    name = settings.host or server
    return f"ssl ssl-max-ver TLSv1.2 verify required ca-file {roots} sni str({name}) verifyhost {name}"


def _probe_host(backend: Backend) -> str:
    probe: Probe = backend.settings.probe
    if probe.host:
        return probe.host
    # `pickHostNameFromBackendAddress` would be each server's own; HAProxy's checks know one Host a backend.
    return backend.settings.host or (backend.servers[0] if backend.servers else "127.0.0.1")


def _is_address(server: str) -> bool:
    try:
        IPv4Address(server)
    except AddressValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
