"""Pulumi's processes of one rehearsal: its engines, and what an engine that was killed leaves behind.

An engine that ends in good order ends its plugins. One that is killed leaves the language host, which notices only
after five minutes, and what a dynamic provider started. All are known by the PULUMI_HOME in their environment.
Standard library only: the `pulumi` launcher imports this.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ENGINE = "pulumi"
"""The engine's name as the kernel knows it."""

END_SECONDS = 3.0


@dataclass(frozen=True)
class Process:
    id: int
    parent: int
    name: str


def engines(pulumi_home: Path) -> list[Process]:
    """The engines that are at work with this PULUMI_HOME."""
    return [process for process in of_home(pulumi_home) if process.name == ENGINE]


def orphans(pulumi_home: Path) -> list[Process]:
    """Processes that an engine of this PULUMI_HOME started and did not live to end."""
    found = of_home(pulumi_home)
    ours = os.getpid()
    return [process for process in found if process.id != ours and process.name != ENGINE and _is_orphan(process)]


def end(processes: Iterable[Process], *numbers: signal.Signals, seconds: float = END_SECONDS) -> None:
    """Send the signals one after the other, each ``seconds`` later, to those that still live."""
    left = list(processes)
    for number in numbers:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process.id, number)
        deadline = time.monotonic() + seconds
        while (left := [process for process in left if _look(process.id) == process]) and time.monotonic() < deadline:
            time.sleep(0.02)


def end_orphans(pulumi_home: Path) -> list[Process]:
    """End what a killed engine left; returns it."""
    found = orphans(pulumi_home)
    end(found, signal.SIGTERM, signal.SIGKILL)
    return found


def of_home(pulumi_home: Path) -> list[Process]:
    """All processes with this PULUMI_HOME, what the engines started included."""
    wanted = f"PULUMI_HOME={pulumi_home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if wanted in (folder / "environ").read_bytes().split(b"\0") and (process := _look(int(folder.name))):
                found.append(process)
    return found


def _is_orphan(process: Process) -> bool:
    """Whether it is one of the engine's plugins or a child of one, and above it is no engine any more."""
    plugin = False
    at: Process | None = process
    while at is not None and at.id > 1:
        if at.name == ENGINE:
            return False
        plugin = plugin or _is_plugin(at.id)
        at = _look(at.parent)
    return plugin


def _is_plugin(process: int) -> bool:
    with suppress(OSError):
        words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return any(
            word == "rehearsal.provider" or Path(word).name.startswith(("pulumi-language-", "pulumi-resource-"))
            for word in words[:4]
        )
    return False


def _look(process: int) -> Process | None:
    """What it is now; None when it has ended, also when nobody has taken notice of that yet."""
    with suppress(OSError):
        name, _, rest = Path(f"/proc/{process}/stat").read_text().partition("(")[2].rpartition(")")
        state, parent, *_ = rest.split()
        return None if state in "ZX" else Process(process, int(parent), name)
    return None
