"""One process at a time, across all that run on the machine."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(lock: Path, doing: str, log: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file while the block runs; says what another process is ``doing`` when it has to wait for it."""
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log(f"another process {doing}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
