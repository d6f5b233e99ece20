"""What runs side by side in `make test`, and in which order it begins."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from tests.scheduling import LIVING, in_order, unit


@dataclass(frozen=True)
class Item:
    """As much of a collected test as the order depends on."""

    nodeid: str
    booted: bool = False
    fixturenames: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        return Path(self.nodeid.split("::")[0])

    def get_closest_marker(self, name: str) -> str | None:
        return name if self.booted and name == "booted" else None


QUICK = Item("tests/rehearsal/dns/test_records.py::test_one")
OWN_HOSTS = Item("tests/rehearsal/machines/test_booted_hosts.py::test_two", booted=True)
FLEET = Item("tests/verify/test_living.py::test_three", booted=True, fixturenames=("breakable", "rehearsal"))


def ordered(*items: Item, side_by_side: bool) -> list[Item]:
    return cast(list[Item], in_order(cast(list[pytest.Item], list(items)), side_by_side))


def test_alone_the_quick_ones_speak_first() -> None:
    assert ordered(FLEET, OWN_HOSTS, QUICK, side_by_side=False) == [QUICK, FLEET, OWN_HOSTS]


def test_side_by_side_what_takes_longest_begins_first() -> None:
    assert ordered(QUICK, OWN_HOSTS, FLEET, side_by_side=True) == [FLEET, OWN_HOSTS, QUICK]


def test_all_tests_on_the_fleet_are_handed_out_as_one_and_others_by_module() -> None:
    assert unit(FLEET.nodeid) == unit("tests/chain/test_living_walk.py::test_four[a::b]") == LIVING
    assert unit("tests/rehearsal/dns/test_records.py::test_one[a::b]") == "tests/rehearsal/dns/test_records.py"


def test_a_module_whose_name_hides_that_it_uses_the_fleet_is_refused() -> None:
    hidden = Item("tests/hosts/test_hidden.py::test_five", booted=True, fixturenames=("rehearsal",))
    with pytest.raises(pytest.UsageError, match=r"test_hidden.py::test_five .* call its module test_living_….py"):
        ordered(hidden, side_by_side=False)
