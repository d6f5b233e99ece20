"""What differs from a snapshot's landscape is named; what does not, is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rehearsal.base.records import Record, Records
from rehearsal.base.settings import Settings
from rehearsal.snapshots.dependencies import SnapshotDependencies
from rehearsal.vault.store import Content, SecretStore

GROUP = "/subscriptions/s/resourceGroups/rg/providers"
NSG = f"{GROUP}/Microsoft.Network/networkSecurityGroups/nsg-web"
IMAGE = Path("/cache/images/aaaa/base")


def put(settings: Settings, identifier: str, kind: str = "network:NetworkSecurityGroup", **properties: Any) -> None:
    Records(settings.records).put(Record(kind, identifier, properties))


def landscape(settings: Settings, image: Path = IMAGE) -> SnapshotDependencies:
    return SnapshotDependencies.of(settings, Records(settings.records), image)


@pytest.fixture
def before(settings: Settings) -> SnapshotDependencies:
    put(settings, NSG, tags={"role": "web"}, rules=[1, 2])
    SecretStore(settings.vault).put("kv-vivendi", "postgresql-kita", Content("first"))
    return landscape(settings)


def test_the_same_asked_for_again_is_no_difference(settings: Settings, before: SnapshotDependencies) -> None:
    put(settings, NSG, rules=[1, 2], tags={"role": "web"})
    SecretStore(settings.vault).put("kv-vivendi", "postgresql-kita", Content("first"))
    assert before.differences(landscape(settings)) == []


def test_a_changed_resource_is_named_with_the_path_of_what_changed(
    settings: Settings, before: SnapshotDependencies
) -> None:
    put(settings, NSG, rules=[1], tags={"role": "file"})
    assert before.differences(landscape(settings)) == ["NetworkSecurityGroup nsg-web: changed since (rules, tags.role)"]


def test_what_was_made_and_removed_since_is_named(settings: Settings, before: SnapshotDependencies) -> None:
    Records(settings.records).delete(NSG)
    put(settings, f"{GROUP}/Microsoft.Compute/virtualMachines/vm-web03", "compute:VirtualMachine")
    assert before.differences(landscape(settings)) == [
        "VirtualMachine vm-web03: made since",
        "NetworkSecurityGroup nsg-web: removed since",
    ]


@pytest.mark.parametrize(
    ("name", "value", "reported"),
    [
        ("postgresql-kita", "second", "secret kv-vivendi/postgresql-kita: renewed since"),
        ("postgresql-pep", "new", "secret kv-vivendi/postgresql-pep: made since"),
    ],
)
def test_a_secret_that_the_hosts_would_not_know_is_named(
    settings: Settings, before: SnapshotDependencies, name: str, value: str, reported: str
) -> None:
    SecretStore(settings.vault).put("kv-vivendi", name, Content(value))
    assert before.differences(landscape(settings)) == [reported]


def test_another_image_below_the_layers_is_named(settings: Settings, before: SnapshotDependencies) -> None:
    found = before.differences(landscape(settings, Path("/cache/images/bbbb/base")))
    assert found == ["the hosts' image: aaaa then, bbbb now"]


def test_no_secret_is_in_what_a_snapshot_keeps(before: SnapshotDependencies) -> None:
    assert "first" not in repr(before)
