"""Roles: plain functions that return how things on a host should be. One module a role, or a part of the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console import ExpectedError
from hosts.components.manifest import Manifest
from hosts.roles import application, base, database, file, management, own_metrics, transfer, web
from hosts.roles.context import Context
from hosts.states import State
from infra.inventory.model import Host, Inventory

ROLES: dict[str, Callable[[Context], list[State]]] = {
    "application": application.states,
    "database": database.states,
    "file": file.states,
    "management": management.states,
    "transfer": transfer.states,
    "web": web.states,
}
"""Beside the base, which all hosts have."""


def states(host: Host, inventory: Inventory, components: Sequence[Manifest]) -> list[State]:
    """All that is wanted of one host. Raises ExpectedError where the inventory does not give what its role needs."""
    if unknown := [role for role in host.roles if role not in ROLES]:
        raise ExpectedError(f"{host.name} has the role {unknown[0]!r}; known are {', '.join(ROLES)}.")
    context = Context(host, inventory, components)
    own = [state for role in host.roles for state in ROLES[role](context)]
    own += own_metrics.states(context)
    if host == context.management:
        # All other hosts wait for its mirror: that goes first.
        return [*own, *base.states(context)]
    return [*base.states(context), *own]
