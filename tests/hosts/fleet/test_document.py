"""The order of a host's states, and the mistakes of roles that are noticed before anything travels."""

from __future__ import annotations

import json

import pytest

from hosts import roles
from hosts.components.manifest import Manifest
from hosts.fleet.document import DocumentError, document, in_order
from hosts.states import Directory, File, Group, Mount, Package, Secret, State, Unit, User
from infra.inventory.model import Inventory


def names(states: list[State]) -> list[str]:
    return [state.identity for state in states]


def test_a_state_comes_after_what_it_needs() -> None:
    states = [
        File(path="/srv/app/app.conf", content=(), owner="app", group="staff"),
        Directory(path="/srv/app"),
        User(user="app", group="staff"),
        Group(group="staff"),
    ]
    ordered = in_order(states)
    assert names(ordered) == ["directory /srv/app", "group staff", "user app", "file /srv/app/app.conf"]
    assert set(ordered[-1].needs) == {"directory /srv/app", "user app", "group staff"}


def test_a_file_needs_the_nearest_folder_or_disk_above_it() -> None:
    states = [
        Mount(device="/dev/lun0", path="/data"),
        Directory(path="/data/a"),
        File(path="/data/a/b/c", content=()),
        File(path="/etc/x", content=()),
    ]
    needs = {state.identity: state.needs for state in in_order(states)}
    assert needs["file /data/a/b/c"] == ("directory /data/a",)
    assert needs["directory /data/a"] == ("mount /data",)
    assert needs["file /etc/x"] == ()


def test_packages_come_together_once_all_they_need_is_there() -> None:
    states = [
        Package(package="a"),
        File(path="/etc/b.conf", content=()),
        Package(package="b", needs=("file /etc/b.conf",)),
    ]
    assert names(in_order(states)) == ["file /etc/b.conf", "package a", "package b"]
    # Not more than it needs: what fails for b keeps only b away.
    assert in_order(states)[1].needs == ()


def test_a_unit_comes_last_but_before_what_needs_it_running() -> None:
    states = [
        Unit(unit="a.service", restart_on=("file /etc/a",)),
        File(path="/etc/a", content=()),
        Unit(unit="b.service"),
        File(path="/etc/b", content=(), needs=("unit b.service",)),
    ]
    assert names(in_order(states)) == ["file /etc/a", "unit b.service", "file /etc/b", "unit a.service"]
    assert in_order(states)[-1].needs == ("file /etc/a",)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        ([File(path="/a", content=("1",)), File(path="/a", content=("2",))], "want file /a in different ways"),
        ([Unit(unit="a.service", needs=("package x",))], "unit a.service needs 'package x', which no role"),
        (
            [
                File(path="/a", content=(), needs=("file /b",)),
                File(path="/b", content=(), needs=("file /a",)),
            ],
            "circle: file /a → file /b → file /a",
        ),
    ],
)
def test_a_mistake_in_a_role_is_named(states: list[State], message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        in_order(states)


def test_the_same_state_from_two_parts_of_a_role_is_one() -> None:
    assert len(in_order([Package(package="a"), Package(package="a")])) == 1


def test_a_document_says_where_secrets_are_and_holds_none(inventory: Inventory, components: list[Manifest]) -> None:
    host = inventory.hosts["app01"]
    travelling = document(host, inventory, roles.states(host, inventory, components), "plan")
    assert travelling["secrets"]["postgresql/pep"] == {"name": "postgresql-pep", "version": "1"}
    names = [component.name for component in components]
    assert set(travelling["secrets"]) == {f"{kind}/{name}" for kind in ("postgresql", "smb") for name in names}
    json.dumps(travelling)


def test_a_secret_that_the_inventory_does_not_give_is_named(inventory: Inventory) -> None:
    state = File(path="/etc/x", content=(Secret("tls-key"),))
    with pytest.raises(DocumentError, match="web01 needs the secret 'tls-key'"):
        document(inventory.hosts["web01"], inventory, [state], "plan")
