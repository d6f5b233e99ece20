"""Waiting for something on a host: look until it is as wanted or the time is over. An interrupted run stops waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from console import waiting

T = TypeVar("T")

_interrupted = threading.Event()


class Abandoned(Exception):
    """Raised in whatever is waiting when the run is interrupted: it cleans up and ends."""


def stop_waiting() -> None:
    """Let everything that waits, now or later, raise Abandoned."""
    _interrupted.set()


def pause(seconds: float) -> None:
    """Let time pass; raises Abandoned as soon as the run is interrupted."""
    if _interrupted.wait(seconds):
        raise Abandoned


def wait_until(look: Callable[[], T], done: Callable[[T], bool], seconds: float, every: float = 1.0) -> T:
    """Look again every few seconds until ``done`` says that what was seen is as wanted, or ``seconds`` have passed.

    Returns what was seen last, either way: the check that wanted it explains from that what is wrong. What ``look``
    raises ends the waiting. Raises Abandoned as soon as the run is interrupted.
    """
    return waiting.wait_until(look, seconds, every, done, pause)
