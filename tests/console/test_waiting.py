"""Waiting: until it is as wanted, until the time is up, until looking fails."""

from __future__ import annotations

from operator import not_

import pytest

from console.waiting import wait_until


def test_it_looks_until_the_result_is_as_wanted() -> None:
    seen = iter([0, 0, 3, 4])
    assert wait_until(lambda: next(seen), seconds=300, every=0) == 3
    assert next(seen) == 4


def test_without_success_it_returns_what_it_saw_last() -> None:
    assert wait_until(lambda: "not yet", seconds=0, done=not_) == "not yet"


def test_it_looks_once_even_without_any_time() -> None:
    assert wait_until(lambda: True, seconds=0)


def test_what_fails_while_looking_ends_the_waiting() -> None:
    def look() -> bool:
        raise ValueError("it ended")

    with pytest.raises(ValueError, match="it ended"):
        wait_until(look, seconds=300)
