"""The secrets of the registry: who may read which, and that no side knows one that the other does not."""

from __future__ import annotations

import pytest

from hosts import roles
from hosts.components.manifest import Manifest, of_inventory
from hosts.staging import every_role
from infra.inventory.model import Inventory
from landscape import secrets
from landscape.roles import ROLES, Role

AREAS = ("kita", "ambulant")


def test_a_secret_of_each_area_has_a_purpose_for_each_in_order() -> None:
    assert list(secrets.AREA_SHARE.purposes(AREAS)) == ["smb/ambulant", "smb/kita"]
    assert list(secrets.REPLICATION.purposes(AREAS)) == ["postgresql/replication"]


def test_a_landscape_without_the_role_has_no_secret_of_it() -> None:
    assert secrets.purposes(secrets.PASSWORDS, AREAS, {"database"}) == [
        "postgresql/replication",
        "postgresql/ambulant",
        "postgresql/kita",
    ]


def test_every_secret_is_read_by_some_role_and_generated() -> None:
    read = {secret for role in ROLES.values() for secret in role.secrets}
    declared = {item for item in vars(secrets).values() if isinstance(item, secrets.Secret)}
    assert declared - read == set(), "name them among the secrets of a role in landscape/roles.py"
    assert read == {secrets.TLS_KEY, *secrets.PASSWORDS}


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return every_role.inventory()


@pytest.fixture(scope="module")
def components(inventory: Inventory) -> list[Manifest]:
    return of_inventory(inventory)


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_what_a_host_reads_is_what_its_role_may_read(
    role: Role, inventory: Inventory, components: list[Manifest]
) -> None:
    """A secret that a host's states name and its identity may not read would fail at the first converge only."""
    allowed = set(secrets.purposes(role.secrets, inventory.endpoints, ROLES.keys()))
    wanted = [state for host in inventory.hosts_of(role.name) for state in roles.states(host, inventory, components)]
    read = {purpose for state in wanted for purpose in state.secrets()}
    assert read - allowed == set(), f"add them to the secrets of {role.name} in landscape/roles.py"
    assert allowed - read == set(), f"hosts/roles/{role.name}.py reads none of these: remove them in landscape/roles.py"
