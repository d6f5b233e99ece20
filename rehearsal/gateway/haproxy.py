"""The gateway's balancer: pools, active probes, retries and draining, as HAProxy configuration."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from rehearsal.base import templating
from rehearsal.base.settings import PLATFORM_DNS
from rehearsal.gateway.model import Backend, Gateway, Probe
from rehearsal.gateway.nginx import BACKEND_HEADER, BALANCER_PORT

ADMIN_PORT = 8081
"""Port of HAProxy's runtime interface, on the loopback of the gateway's namespace."""
STATE_FILE = "/var/lib/haproxy/server-state"
"""The servers' state before a reload, without which a server that is down would count as up until its probes fail."""
REVISION_VARIABLE = "LIVEGANG_REVISION"
"""Environment variable by which the runtime interface shows which configuration HAProxy serves."""
DEFAULT_DRAIN = 30
"""Seconds that requests in progress have at a reload if no draining is declared."""
CONNECT_TIMEOUT = 3

_TEMPLATE = Path(__file__).with_name("templates") / "haproxy.cfg.j2"
_WELL_KNOWN_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def trusted_roots_path(folder: str, backend: Backend) -> str:
    return f"{folder}/roots-{backend.name.replace(':', '.')}.pem"


def render(gateway: Gateway, folder: str, revision: str) -> str:
    """haproxy.cfg for the gateway's backends; the files that it names are in ``folder``."""
    drains = [backend.settings.drain or 0 for backend in gateway.backends]
    servers = [server for backend in gateway.backends for server in backend.servers]
    return templating.render(
        _TEMPLATE,
        revision_variable=REVISION_VARIABLE,
        revision=revision,
        admin_port=ADMIN_PORT,
        state_file=STATE_FILE,
        drain=max(drains, default=0) or DEFAULT_DRAIN,
        # Servers in pools may be names, which the platform's resolver resolves.
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
    # With `pickHostNameFromBackendAddress` Azure sends each server its own name; HAProxy has one Host per backend.
    return backend.settings.host or (backend.servers[0] if backend.servers else "127.0.0.1")


def _is_address(server: str) -> bool:
    try:
        IPv4Address(server)
    except AddressValueError:
        return False
    return True


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"
