"""What runs in parallel in `make test`, and in which order it starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.scheduling import LIVING, in_order, unit


@dataclass(frozen=True)
class Item:
    """The part of a collected test that the order depends on."""

    nodeid: str
    booted: bool = False
    fixturenames: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return Path(self.nodeid.split("::")[0])

    def get_closest_marker(self, name: str) -> str | None:
        return name if self.booted and name == "booted" else None


ENGINE = Item("tests/rehearsal/provider/test_engine.py::test_zero")
QUICK = Item("tests/rehearsal/dns/test_records.py::test_one")
OWN_HOSTS = Item("tests/rehearsal/machines/test_booted_hosts.py::test_two", booted=True)
FLEET = Item("tests/verify/test_living.py::test_three", booted=True, fixturenames=("breakable", "rehearsal"))


def ordered(*items: Item, side_by_side: bool) -> list[Item]:
    return cast(list[Item], in_order(cast(list[pytest.Item], list(items)), side_by_side))


def test_in_one_process_quick_tests_come_first() -> None:
    assert ordered(FLEET, OWN_HOSTS, QUICK, side_by_side=False) == [QUICK, FLEET, OWN_HOSTS]


def test_in_parallel_the_longest_come_first() -> None:
    assert ordered(QUICK, ENGINE, OWN_HOSTS, FLEET, side_by_side=True) == [FLEET, OWN_HOSTS, ENGINE, QUICK]


def test_tests_on_the_fleet_are_one_unit_and_others_go_by_module() -> None:
    assert unit(FLEET.nodeid) == unit("tests/chain/test_living_walk.py::test_four[a::b]") == LIVING
    assert unit("tests/rehearsal/dns/test_records.py::test_one[a::b]") == "tests/rehearsal/dns/test_records.py"


def test_a_module_that_uses_the_fleet_must_say_so_in_its_name() -> None:
    hidden = Item("tests/hosts/test_hidden.py::test_five", booted=True, fixturenames=("rehearsal",))
    with pytest.raises(pytest.UsageError, match=r"test_hidden.py::test_five .* call its module test_living_….py"):
        ordered(hidden, side_by_side=False)
