"""The order of hosts, in lists and when they stop. What it follows from is each role's entry in `roles.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

from landscape.roles import ROLES


class HasRole(Protocol):
    """A host, as it is wanted or as it came up."""

    @property
    def role(self) -> str: ...


Host = TypeVar("Host", bound=HasRole)


def listing_order(role: str) -> int:
    """The position of a role's hosts in lists, which is the registry's; unknown roles come last."""
    return list(ROLES).index(role) if role in ROLES else len(ROLES)


def in_listing_order(hosts: Mapping[str, Host]) -> dict[str, Host]:
    """Hosts by name, from the database outwards."""
    return dict(sorted(hosts.items(), key=lambda item: (listing_order(item[1].role), item[0])))


def stop_rank(roles: Iterable[str]) -> int:
    """When a host with these roles stops: rank 0 first; one higher than the hosts that must have stopped before it."""
    earlier = {other for name in roles if name in ROLES for other in ROLES[name].stops_after}
    return 1 + stop_rank(earlier) if earlier else 0
