"""An inventory as it is read from a stack's outputs."""

from __future__ import annotations

from infra.inventory.reading import parse
from tests.infra.inventory.samples import inventory


def test_hosts_are_listed_from_the_database_outwards_not_alphabetically() -> None:
    """Pulumi sorts the maps of a stack's outputs; report and matrix show hosts in the inventory's order."""
    document = inventory().model_dump(mode="json")
    host = document["hosts"]["web01"]
    document["hosts"] = {
        name: {**host, "name": name, "role": role}
        for name, role in (
            ("app01", "application"),
            ("db02", "database"),
            ("db01", "database"),
            ("mgmt01", "management"),
        )
    }
    assert list(parse(document, "rehearsal").hosts) == ["db01", "db02", "app01", "mgmt01"]
