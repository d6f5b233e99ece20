"""Roles: plain functions that return how things on a host should be. One module per role or part of the base."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import cast

from console import ExpectedError
from hosts.components.manifest import Manifest
from hosts.roles import base, own_metrics
from hosts.roles.context import Context
from hosts.states import State
from infra.inventory.model import Host, Inventory
from landscape.roles import ROLES

RoleStates = Callable[[Context], list[State]]
"""The function ``states`` of a role's module."""


def states(host: Host, inventory: Inventory, components: Sequence[Manifest]) -> list[State]:
    """All that is wanted of one host. Raises ExpectedError where the inventory does not give what its role needs."""
    context = Context(host, inventory, components)
    own = [state for role in host.roles for state in states_of_role(role, host.name)(context)]
    own += own_metrics.states(context)
    if host == context.management:
        # All other hosts wait for its mirror: that goes first.
        return [*own, *base.states(context)]
    return [*base.states(context), *own]


def states_of_role(role: str, host: str) -> RoleStates:
    """What the role's module ``hosts/roles/ROLE.py`` declares, in addition to the base that all hosts have."""
    if role not in ROLES:
        raise ExpectedError(f"{host} has the role {role!r}; known are {', '.join(sorted(ROLES))}.")
    try:
        return cast(RoleStates, import_module(f"{__name__}.{role}").states)
    except ModuleNotFoundError as error:
        if error.name != f"{__name__}.{role}":
            raise
        raise ExpectedError(
            f"{host} has the role {role!r}, and hosts/roles/{role}.py does not exist: nothing says how it should be.",
            hint="Add the module, or take the role out of landscape/roles.py.",
        ) from None
