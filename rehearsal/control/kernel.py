"""What the supervisor needs of the machine's kernel, and the one setting of it that a rehearsal changes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console import ExitCode, ExpectedError
from rehearsal.base import settings
from rehearsal.base.locking import exclusive
from toolchain.files import write_atomically

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED = 4096
"""A booted host takes about 13 and the default is 128: nine barely fit, two rehearsals do not."""


def cgroup2() -> Path:
    """Where the machine has its cgroup2 mounted. Raises ExpectedError where it has none."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(place)
    raise ExpectedError(
        "This machine has no cgroup2 mounted, without which hosts cannot be ended whole.",
        hint="mount -t cgroup2 cgroup2 /sys/fs/cgroup (in a container: start it with a writable cgroup2)",
        code=ExitCode.CANNOT_REHEARSE,
    )


def raise_inotify(holder: str) -> None:
    """Raise the machine's limit of inotify instances for as long as one rehearsal lives."""
    with _register() as register:
        register["holders"] = sorted({*register["holders"], holder})
        now = int(INOTIFY.read_text())
        if now < INOTIFY_WANTED:
            register["before"] = now
            INOTIFY.write_text(f"{INOTIFY_WANTED}\n")


def restore_inotify(holder: str) -> None:
    """The rehearsal ``holder`` has ended: put the limit back if it was the last one that lived."""
    with _register() as register:
        register["holders"] = [other for other in register["holders"] if other != holder and lives(other)]
        if register["holders"] or register["before"] is None:
            return
        # Only what we set ourselves: somebody may have changed it since.
        if int(INOTIFY.read_text()) == INOTIFY_WANTED:
            INOTIFY.write_text(f"{register['before']}\n")
        register["before"] = None


def lives(identifier: str) -> bool:
    """Whether a supervisor of this rehearsal lives: it holds a lock that the kernel takes from it when it ends."""
    try:
        descriptor = os.open(settings.RUNTIME / identifier / "alive", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def hold_alive(identifier: str) -> int | None:
    """Take the lock by which others see that this supervisor lives; None when another one has it.

    The descriptor is never closed: only the end of the process lets the lock go.
    """
    descriptor = os.open(settings.RUNTIME / identifier / "alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _register() -> Iterator[dict[str, Any]]:
    """What the limit was before, and which rehearsals need it raised; shared by all rehearsals of the machine."""
    settings.RUNTIME.mkdir(parents=True, exist_ok=True)
    file = settings.RUNTIME / "inotify.json"
    with exclusive(settings.RUNTIME / "inotify.lock"):
        register = json.loads(file.read_bytes()) if file.exists() else {"before": None, "holders": []}
        yield register
        write_atomically(file, json.dumps(register).encode())
