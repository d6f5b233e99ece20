"""States travel as JSON and arrive as they left."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError

import pytest

from hosts import roles
from hosts.agent.operations import OPERATIONS
from hosts.components.manifest import Manifest
from hosts.states import KINDS, File, Secret, Unit, Wait, decode, encode
from infra.inventory.model import Inventory


def test_every_state_of_every_role_arrives_as_it_left(inventory: Inventory, components: list[Manifest]) -> None:
    for host in inventory.hosts.values():
        for state in roles.states(host, inventory, components):
            assert decode(json.loads(json.dumps(encode(state)))) == state


def test_a_state_cannot_be_changed() -> None:
    unit = Unit(unit="a.service")
    with pytest.raises(FrozenInstanceError):
        unit.unit = "b.service"  # type: ignore[misc]


def test_a_secret_travels_as_its_purpose_only() -> None:
    state = File(path="/etc/a", content=("user:", Secret("postgresql/pep"), "\n"))
    assert encode(state)["content"] == ["user:", {"secret": "postgresql/pep"}, "\n"]
    assert state.secrets() == {"postgresql/pep"}


def test_people_see_kind_and_name() -> None:
    assert File(path="/etc/a", content=()).identity == "file /etc/a"
    assert Unit(unit="nginx.service").identity == "unit nginx.service"


def test_every_kind_can_be_compared_and_reached() -> None:
    assert set(KINDS.values()) - set(OPERATIONS) == {Wait}
