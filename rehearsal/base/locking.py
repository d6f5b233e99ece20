"""One process at a time, across all that run on the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOOK_AGAIN = 0.05
"""Seconds between two attempts."""


@contextmanager
def exclusive(lock: Path, doing: str = "", log: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the lock while the block runs; the kernel releases it when the process is killed.

    When it has to wait, ``log`` gets what the other process is ``doing``.
    """
    held = FileLock(lock, mode=0o600)
    try:
        held.acquire(blocking=False)
    except Timeout:
        if log:
            log(f"another process {doing}; waiting for it")
        held.acquire(poll_interval=LOOK_AGAIN)
    try:
        yield
    finally:
        held.release()
