"""Waiting until something is as wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from verify.inspection import waiting
from verify.inspection.waiting import Abandoned, wait_until

NEVER = 600.0
"""Seconds that only a wait that hangs would take."""


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, none of which takes any time."""
    made: list[float] = []
    monkeypatch.setattr(waiting, "pause", made.append)
    return made


def test_it_looks_until_what_it_sees_is_as_wanted(paused: list[float]) -> None:
    looks: Iterator[int] = iter(range(10))
    assert wait_until(lambda: next(looks), lambda seen: seen == 3, NEVER, every=2.5) == 3
    assert paused == [2.5, 2.5, 2.5]


def test_what_was_seen_last_is_returned_so_that_the_check_can_explain_it(paused: list[float]) -> None:
    looks: list[str] = []

    def look() -> str:
        looks.append(f"look {len(looks) + 1}")
        return looks[-1]

    assert wait_until(look, lambda seen: False, seconds=0) == "look 1"
    assert paused == []


def test_an_error_ends_the_waiting(paused: list[float]) -> None:
    def look() -> None:
        raise AssertionError("no metric can be written")

    with pytest.raises(AssertionError, match="no metric can be written"):
        wait_until(look, lambda seen: False, NEVER)
    assert paused == []


@pytest.mark.timeout(60)
def test_an_interrupted_run_stops_waiting_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_interrupted", threading.Event())
    looks: list[int] = []

    def look() -> None:
        looks.append(1)
        waiting.stop_waiting()

    with pytest.raises(Abandoned):
        wait_until(look, lambda seen: False, NEVER, every=NEVER)
    assert len(looks) == 1
