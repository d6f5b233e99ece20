"""`python -m hosts.packages`: the Debian packages of all roles, one a line.

They are taken from the roles' own states for a made-up landscape that has every role: whoever stages packages
beforehand needs no second list, and none that could differ.
"""

from __future__ import annotations

from hosts import sample
from hosts.components.manifest import load
from hosts.roles import states
from hosts.states import Package
from toolchain.folders import PROJECT


def all_packages() -> list[str]:
    """Names of the packages that any role wants, sorted; what these depend on is apt's matter."""
    inventory = sample.inventory()
    components = load(PROJECT / inventory.components.manifests)
    wanted = [state for host in inventory.hosts.values() for state in states(host, inventory, components)]
    return sorted({state.package for state in wanted if isinstance(state, Package)})


if __name__ == "__main__":
    print("\n".join(all_packages()))
