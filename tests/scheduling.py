"""Which tests run in parallel: those on the living fleet one after another, next to all others.

The tests of a module stay together, because they share expensive fixtures.
"""

from __future__ import annotations

from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVING = "test_living"
"""The beginning of the names of modules whose tests share `rehearsal`: no two of them may run concurrently."""


LONGEST = (
    "test_linters",
    "test_engine",
    "test_program",
    "test_offline",
    "test_service",
    "test_flows",
    "test_recovery",
    "test_resources",
    "test_monitoring",
    "test_launcher",
    "test_postgresql",
    "test_session",
)
"""Modules that take many seconds, the longest first: started last, one would keep the other processes waiting."""


class OneFleet(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out tests by module, and all tests on the fleet as one unit."""

    def _split_scope(self, nodeid: str) -> str:  # the method that xdist's own schedulers override too
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """The unit that this test is handed out with."""
    module = nodeid.split("::")[0]
    return LIVING if is_living(module) else module


def is_living(module: str) -> bool:
    return PurePath(module).name.startswith(LIVING)


def in_order(items: list[pytest.Item], side_by_side: bool) -> list[pytest.Item]:
    """Quick tests first. In parallel runs the longest first instead: the fleet, other booted hosts, then ``LONGEST``.

    Raises UsageError if a test uses the fleet in a module whose name does not say so.
    """
    for item in items:
        if "rehearsal" in getattr(item, "fixturenames", ()) and not is_living(item.path.name):
            raise pytest.UsageError(f"{item.nodeid} uses the living rehearsal: call its module {LIVING}_….py")
    if side_by_side:
        return sorted(items, key=_longest_first)
    return sorted(items, key=lambda item: item.get_closest_marker("booted") is not None)


def _longest_first(item: pytest.Item) -> tuple[bool, bool, int]:
    booted = item.get_closest_marker("booted") is not None
    place = LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
    return not is_living(item.path.name), not booted, place
