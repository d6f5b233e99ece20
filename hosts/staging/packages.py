"""The Debian packages of all roles, taken from the roles' own states: there is no second list that could differ."""

from __future__ import annotations

from hosts.components.manifest import load
from hosts.roles import states
from hosts.staging import every_role
from hosts.states import Package
from toolchain.folders import PROJECT


def all_packages() -> list[str]:
    """Names of the packages that any role wants, sorted. What these depend on is for apt to find out."""
    inventory = every_role.inventory()
    components = load(PROJECT / inventory.components.manifests)
    wanted = [state for host in inventory.hosts.values() for state in states(host, inventory, components)]
    return sorted({state.package for state in wanted if isinstance(state, Package)})
