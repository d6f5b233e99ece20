"""An inventory that does not match its stack file any more is recognised, and the parts that differ are named."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.inventory.model import Inventory
from infra.inventory.staleness import behind, digests
from infra.stack.topology import KEY, Topology
from tests.infra.inventory.samples import inventory


@pytest.fixture
def brought_up(topology: Topology) -> Inventory:
    """The inventory of a stack that was brought up from the rehearsal's topology."""
    return inventory().model_copy(update={"declared": digests(topology)})


def declare(folder: Path, document: object) -> Path:
    (folder / "Pulumi.rehearsal.yaml").write_text(yaml.safe_dump({"config": {KEY: document}}))
    return folder


def test_the_same_topology_in_another_notation_is_the_same(
    tmp_path: Path, document: dict[str, Any], brought_up: Inventory
) -> None:
    document["hosts"] = dict(reversed(document["hosts"].items()))
    assert behind(brought_up, declare(tmp_path, document)) is None


def test_the_changed_parts_of_a_topology_are_named(
    tmp_path: Path, document: dict[str, Any], brought_up: Inventory
) -> None:
    changed = copy.deepcopy(document)
    changed["hosts"]["web03"] = {**changed["hosts"]["web02"], "address": "10.77.3.6"}
    changed["domain"]["ttl"] = 30
    assert behind(brought_up, declare(tmp_path, changed)) == (
        "Pulumi.rehearsal.yaml has changed since the stack came up: domain, hosts (fab infra.up --stack rehearsal)"
    )


@pytest.mark.parametrize(
    ("text", "word"), [(None, "FileNotFoundError"), ("config: [", "cannot be read"), ("config: {}", "KeyError")]
)
def test_a_stack_file_that_cannot_be_read_is_reported(
    tmp_path: Path, brought_up: Inventory, text: str | None, word: str
) -> None:
    if text is not None:
        (tmp_path / "Pulumi.rehearsal.yaml").write_text(text)
    assert word in (behind(brought_up, tmp_path) or "")


def test_mistakes_in_the_stack_file_and_an_inventory_of_an_older_version_are_reported(
    tmp_path: Path, document: dict[str, Any], brought_up: Inventory
) -> None:
    assert "an older version brought the stack up" in (behind(inventory(), declare(tmp_path, document)) or "")
    assert "2 mistakes" in (behind(brought_up, declare(tmp_path, {**document, "domain": {}})) or "")
