"""An Application Gateway as it was declared, made sense of: what listens where, and where it leads.

Names refer to names within the same gateway; ARM's sub-resource ids are gone. Built by `rehearsal.gateway.parsing`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Protocol = Literal["http", "https"]


@dataclass(frozen=True)
class Probe:
    """How a backend's health is asked."""

    name: str
    protocol: Protocol
    host: str | None
    """Host header; None: that of the backend settings (``pickHostNameFromBackendHttpSettings``)."""
    path: str
    port: int | None
    """None: the backend settings' port."""
    interval: int
    """Seconds between two probes of a server."""
    timeout: int
    """Seconds."""
    threshold: int
    """So many failures in a row make a server unhealthy; one success makes it healthy again."""
    statuses: tuple[str, ...] = ("200-399",)
    body: str | None = None
    """Text that the answer must contain."""


DEFAULT_PROBE = Probe("default", "http", "127.0.0.1", "/", None, interval=30, timeout=30, threshold=3)
"""What Azure probes with where no probe was declared."""


@dataclass(frozen=True)
class BackendSettings:
    name: str
    protocol: Protocol
    port: int
    timeout: int
    """Seconds until a request without an answer ends with 504."""
    drain: int | None
    """Seconds that requests under way may take when their server leaves the pool; None: no draining."""
    probe: Probe
    host: str | None
    """Host header towards the backend; None: the client's."""
    host_of_server: bool
    """Host header is the server's own address or name."""
    affinity_cookie: str | None
    """Name of the cookie that keeps a client on a server, if it is to be kept there."""
    trusted_roots: tuple[str, ...] = ()
    """Names of the trusted root certificates for an HTTPS backend; none: well-known authorities."""


@dataclass(frozen=True)
class Backend:
    """A pool reached with certain settings: what a rule leads to."""

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
    """Host names, ``*`` and ``?`` allowed; none: every host name that no other listener of the port has."""
    certificate: str | None
    policy: str | None
    """Id of a firewall policy of its own."""


@dataclass(frozen=True)
class Rule:
    """What is answered at a listener."""

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
    """What is negotiated with clients."""

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
    rules: tuple[Rule, ...]
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
        """All that rules lead to, each once, by name."""
        found = {rule.target.name: rule.target for rule in self.rules if isinstance(rule.target, Backend)}
        return tuple(found[name] for name in sorted(found))
