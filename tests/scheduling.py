"""Which tests run side by side: those on the living fleet one after the other, beside all others.

A module's tests stay together, since they share fixtures that are dear to make.
"""

from __future__ import annotations

from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

LIVING = "test_living"
"""How the names of modules begin whose tests share the one `rehearsal`: no two of them may run at a time."""


LONGEST = (
    "test_linters",
    "test_engine",
    "test_program",
    "test_paper",
    "test_service",
    "test_flows",
    "test_recovery",
    "test_resources",
    "test_monitoring",
    "test_launcher",
    "test_postgresql",
    "test_session",
)
"""Modules of many seconds, the longest first: begun last, one would keep a process waiting for it."""


class OneFleet(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole modules, and all that are on the fleet as one."""

    def _split_scope(self, nodeid: str) -> str:  # the method that xdist's own schedulers override too
        return unit(nodeid)


def unit(nodeid: str) -> str:
    """What is handed out together with this test."""
    module = nodeid.split("::")[0]
    return LIVING if is_living(module) else module


def is_living(module: str) -> bool:
    return PurePath(module).name.startswith(LIVING)


def in_order(items: list[pytest.Item], side_by_side: bool) -> list[pytest.Item]:
    """Quick tests first. Side by side, what takes long begins first instead: the fleet, then other booted hosts.

    Raises UsageError when a test uses the fleet in a module whose name does not say so.
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
