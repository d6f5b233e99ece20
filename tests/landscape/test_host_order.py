"""The order of hosts, in lists and when they stop."""

from __future__ import annotations

import pytest

from landscape.host_order import listing_order, stop_rank
from landscape.roles import ROLES, Role


def test_hosts_are_listed_from_the_data_outwards() -> None:
    assert listing_order("database") < listing_order("application") < listing_order("web")
    assert max(map(listing_order, ROLES)) < listing_order("unknown")


def test_hosts_stop_before_those_that_they_write_to_meanwhile() -> None:
    for role in ROLES.values():
        assert all(stop_rank([role.name]) > stop_rank([earlier]) for earlier in role.stops_after)
    assert stop_rank(["database"]) < stop_rank(["file"])
    assert stop_rank(["web", "file"]) == stop_rank(["file"])
    assert stop_rank(["unknown"]) == stop_rank([]) == 0


def test_a_host_stops_after_those_that_stop_after_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROLES, "tape", Role("tape", stops_after=("file",)))
    assert stop_rank(["database"]) < stop_rank(["file"]) < stop_rank(["tape"])
