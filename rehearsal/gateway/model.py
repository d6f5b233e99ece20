"""An Application Gateway as declared, in plain typed values: what listens where, and what it forwards to.

References are resolved or are names within the gateway, in place of ARM's sub-resource ids. Built by
`rehearsal.gateway.parsing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Protocol = Literal["http", "https"]


@dataclass(frozen=True)
class Probe:
    """How a backend's servers are probed."""

    name: str
    protocol: Protocol
    host: str | None
    """Host header; None for that of the backend settings (``pickHostNameFromBackendHttpSettings``)."""
    path: str
    port: int | None
    """None for the backend settings' port."""
    interval: int
    """Seconds between two probes of a server."""
    timeout: int
    """Seconds."""
    threshold: int
    """Number of consecutive failures that make a server unhealthy; one success makes it healthy again."""
    statuses: tuple[str, ...] = ("200-399",)
    body: str | None = None
    """Text that the response must contain."""


DEFAULT_PROBE = Probe("default", "http", "127.0.0.1", "/", None, interval=30, timeout=30, threshold=3)
"""Azure's probe for backend settings without one."""


@dataclass(frozen=True)
class BackendSettings:
    name: str
    protocol: Protocol
    port: int
    timeout: int
    """Seconds until a request that is not answered ends with 504."""
    drain: int | None
    """Seconds that requests in progress may take when their server leaves the pool; None for no draining."""
    probe: Probe
    host: str | None
    """Host header towards the backend; None for the client's."""
    host_of_server: bool
    """Whether the Host header is the server's own address or name."""
    affinity_cookie: str | None
    """Name of the cookie that binds a client to a server; None without affinity."""
    trusted_roots: tuple[str, ...] = ()
    """Names of the trusted root certificates for an HTTPS backend; empty for the well-known authorities."""


@dataclass(frozen=True)
class Backend:
    """A pool with the settings by which it is reached: what a rule forwards to."""

    pool: str
    servers: tuple[str, ...]
    """Addresses or names."""
    settings: BackendSettings

    @property
    def name(self) -> str:
        return f"{self.pool}:{self.settings.name}"


@dataclass(frozen=True)
class Redirect:
    status: int
    """301, 302, 303 or 307."""
    listener: Listener | None
    """Redirect to the same host at this listener …"""
    url: str | None
    """… or to this address."""
    path: bool
    """Whether the request's path is kept."""
    query: bool


@dataclass(frozen=True)
class Listener:
    name: str
    protocol: Protocol
    port: int
    hosts: tuple[str, ...]
    """Host names, with ``*`` and ``?``; empty for every name that no other listener on the port has."""
    certificate: str | None
    policy: str | None
    """Id of its own firewall policy."""


@dataclass(frozen=True)
class RoutingRule:
    """What a listener forwards or redirects to."""

    name: str
    priority: int
    listener: Listener
    target: Backend | Redirect


@dataclass(frozen=True)
class Certificate:
    name: str
    secret: str | None
    """Address of the Key Vault secret …"""
    data: str | None = field(repr=False)
    """… or the base64 PKCS#12 itself …"""
    password: str | None = field(repr=False)
    """… with its password."""


@dataclass(frozen=True)
class TlsPolicy:
    """TLS versions and ciphers for clients."""

    protocols: tuple[str, ...]
    """nginx's names."""
    ciphers: tuple[str, ...]
    """OpenSSL's names, for TLS 1.2."""


@dataclass(frozen=True)
class Gateway:
    id: str
    name: str
    subnet: str
    """Id of its subnet."""
    public_address: str
    """Id of its public address."""
    identities: tuple[str, ...]
    """Ids of its managed identities."""
    policy: str | None
    """Id of its firewall policy."""
    rules: tuple[RoutingRule, ...]
    """By priority."""
    certificates: tuple[Certificate, ...]
    trusted_roots: dict[str, str]
    """PEM by name."""
    tls: TlsPolicy
    http2: bool

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(sorted({rule.listener.port for rule in self.rules}))

    @property
    def backends(self) -> tuple[Backend, ...]:
        """The backends of all rules, each once, by name."""
        found = {rule.target.name: rule.target for rule in self.rules if isinstance(rule.target, Backend)}
        return tuple(found[name] for name in sorted(found))
