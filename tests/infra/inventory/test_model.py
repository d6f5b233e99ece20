"""What is chosen of an inventory, and in which order."""

from __future__ import annotations

import pytest

from infra.inventory.model import InventoryError
from tests.verify.inventories import inventory


def test_all_hosts_are_listed_from_the_database_outwards() -> None:
    added = {"file01": ("file", "10.9.4.4"), "db02": ("database", "10.9.1.5")}
    listed = [host.name for host in inventory(added).select(None)]
    assert listed == ["db01", "db02", "app01", "web01", "web02", "file01", "mgmt01"]


def test_a_limit_names_hosts_and_roles() -> None:
    assert [host.name for host in inventory().select("mgmt01, web")] == ["mgmt01", "web01", "web02"]


def test_an_unknown_limit_is_refused_with_what_there_is() -> None:
    with pytest.raises(InventoryError, match="'wbe' is neither a host nor a role") as caught:
        inventory().select("web01,wbe")
    assert "web01" in str(caught.value)
    assert "management" in str(caught.value)
