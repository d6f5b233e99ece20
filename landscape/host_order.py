"""The order of hosts: in lists, and when they stop. Both follow from the registry of roles."""

from __future__ import annotations

from collections.abc import Iterable

from landscape.roles import ROLES


def listing_order(role: str) -> int:
    """The position of a role's hosts in lists, which is the registry's; unknown roles come last."""
    return list(ROLES).index(role) if role in ROLES else len(ROLES)


def stop_turn(roles: Iterable[str]) -> int:
    """When a host with these roles stops: 0 for the first turn, else the one after those that it stops after."""
    earlier = {other for name in roles if name in ROLES for other in ROLES[name].stops_after}
    return 1 + stop_turn(earlier) if earlier else 0
