"""Kernel settings and the host's own firewall."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class Sysctl(State):
    """A kernel setting, live and at every boot."""

    kind = "sysctl"
    key: str
    """With dots: ``net.ipv4.tcp_syncookies``."""
    value: str

    @property
    def name(self) -> str:
        return self.key


@dataclass(frozen=True, kw_only=True)
class Firewall(State):
    """The whole nftables ruleset, live and at every boot (``/etc/nftables.conf``).

    What is live is compared with what the kernel makes of the wanted rules in a network namespace of their own, so
    a rule added or removed by hand is seen.
    """

    kind = "firewall"
    rules: str
    """nftables script; begins with ``flush ruleset``."""

    @property
    def name(self) -> str:
        return "nftables"
