"""Certificate authorities that a host trusts."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class TrustedCertificate(State):
    """A certificate authority in the host's own trust store."""

    kind = "trusted certificate"
    label: str
    pem: str

    @property
    def name(self) -> str:
        return self.label

    @property
    def path(self) -> str:
        return f"/usr/local/share/ca-certificates/{self.label}.crt"
