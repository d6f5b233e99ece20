"""Waiting for what no one reports: look, pause, look again, until it is as wanted or the time is up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_not_result, stop_after_delay, wait_fixed

Seen = TypeVar("Seen")


def wait_until(
    look: Callable[[], Seen],
    seconds: float,
    every: float = 0.02,
    done: Callable[[Seen], object] = bool,
    pause: Callable[[float], None] = time.sleep,
) -> Seen:
    """Call ``look`` every so many seconds until ``done`` accepts its result; it is called once at least.

    Returns the last result, so that after ``seconds`` without success the caller can say what was seen instead.
    What ``look`` or ``pause`` raises ends the waiting.
    """
    attempts = Retrying(
        retry=retry_if_not_result(lambda seen: bool(done(seen))),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(every),
        sleep=pause,
        retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
    )
    return attempts(look)
