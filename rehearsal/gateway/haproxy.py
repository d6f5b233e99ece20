"""The gateway's back: pools, active probes, retries and draining, as HAProxy configuration."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from rehearsal.base.settings import PLATFORM_DNS
from rehearsal.gateway.model import Backend, Gateway, Probe
from rehearsal.gateway.nginx import BACKEND_HEADER, BALANCER_PORT

ADMIN_PORT = 8081
"""HAProxy's runtime interface, on the gateway namespace's loopback."""
STATE_FILE = "/var/lib/haproxy/server-state"
"""What was known of the servers before a reload: a server that was down must not be up again until a probe fails."""
REVISION_VARIABLE = "LIVEGANG_REVISION"
"""HAProxy tells its value at the runtime interface: which configuration it serves."""
DEFAULT_DRAIN = 30
"""Seconds for requests under way at a reload where no draining is declared."""
CONNECT_TIMEOUT = 3

_WELL_KNOWN_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


def trusted_roots_path(folder: str, backend: Backend) -> str:
    return f"{folder}/roots-{backend.name.replace(':', '.')}.pem"


def render(gateway: Gateway, folder: str, revision: str) -> str:
    """haproxy.cfg for the gateway's backends; the files it names are in ``folder``."""
    drain = max([backend.settings.drain or 0 for backend in gateway.backends], default=0) or DEFAULT_DRAIN
    parts = [
        "global",
        "    log stdout format raw local0 notice",
        f"    setenv {REVISION_VARIABLE} '{revision}'",
        "    user haproxy",
        "    group haproxy",
        "    maxconn 4000",
        f"    stats socket ipv4@127.0.0.1:{ADMIN_PORT} level admin",
        f"    server-state-file {STATE_FILE}",
        # Requests under way at a reload go on in the old process, this long: that is the draining.
        f"    hard-stop-after {drain}s",
        *_resolvers(gateway),
        "defaults",
        "    mode http",
        "    log global",
        "    load-server-state-from-file global",
        f"    timeout connect {CONNECT_TIMEOUT}s",
        "    timeout client 86400s",
        "    timeout http-request 60s",
        "    timeout queue 5s",
        "    timeout tunnel 1h",
        "frontend gateway",
        f"    bind 127.0.0.1:{BALANCER_PORT}",
        # What nginx let pass is passed on, an umlaut that a client did not encode included.
        "    option accept-invalid-http-request",
        f"    http-request set-var(txn.backend) req.hdr({BACKEND_HEADER})",
        f"    http-request del-header {BACKEND_HEADER}",
        "    use_backend %[var(txn.backend)]",
        # HAProxy answers 503 where it reaches no server; Azure answers 502. A server's own 503 passes.
        "    http-response set-var(txn.answered) bool(true)",
        "    http-after-response set-status 502 if { status 503 } !{ var(txn.answered) -m bool }",
    ]
    for backend in gateway.backends:
        parts += _backend(backend, folder)
    return "\n".join(parts) + "\n"


def _resolvers(gateway: Gateway) -> list[str]:
    """Pools may name servers by name; it is the platform's resolver that knows them."""
    if all(_is_address(server) for backend in gateway.backends for server in backend.servers):
        return []
    return ["resolvers platform", f"    nameserver azure {PLATFORM_DNS}:53", "    hold valid 10s"]


def _backend(backend: Backend, folder: str) -> list[str]:
    settings, probe = backend.settings, backend.settings.probe
    lines = [
        f"backend {backend.name}",
        "    balance roundrobin",
        f"    timeout server {settings.timeout}s",
        f"    timeout check {probe.timeout}s",
        # The next try goes to another server. A request that was sent is sent again only if that does no harm.
        "    retries 3",
        "    option redispatch 1",
        "    retry-on conn-failure empty-response",
        "    http-request disable-l7-retry if { method POST PATCH }",
        "    http-reuse safe",
        "    option httpchk",
        f"    http-check send meth GET uri {probe.path} ver HTTP/1.1 hdr Host {_probe_host(backend)}",
        f"    http-check expect status {','.join(probe.statuses)}",
    ]
    if probe.body:
        lines.append(f"    http-check expect string {_quoted(probe.body)}")
    if settings.host:
        lines.append(f"    http-request set-header Host {settings.host}")
    if settings.host_of_server:
        lines.append("    http-send-name-header Host")
    if settings.affinity_cookie:
        lines.append(f"    cookie {settings.affinity_cookie} insert indirect nocache httponly")
    return lines + [_server(backend, server, folder) for server in backend.servers]


def _server(backend: Backend, server: str, folder: str) -> str:
    settings, probe = backend.settings, backend.settings.probe
    words = [f"    server {server} {server}:{settings.port}"]
    if settings.protocol == "https":
        words.append(_tls(backend, server, folder))
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
