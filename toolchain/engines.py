"""Pulumi's processes of one rehearsal: its engines, and what a killed engine leaves behind.

An engine that exits normally ends its plugins. One that is killed leaves the language host, which notices only after
five minutes, and what a dynamic provider started. All are recognised by the PULUMI_HOME in their environment.
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
"""The engine's process name."""

END_SECONDS = 3.0


@dataclass(frozen=True)
class Process:
    id: int
    parent: int
    name: str


def engines(pulumi_home: Path) -> list[Process]:
    """The engines that run with this PULUMI_HOME."""
    return [process for process in of_home(pulumi_home) if process.name == ENGINE]


def orphans(pulumi_home: Path) -> list[Process]:
    """Processes that an engine of this PULUMI_HOME started and that outlived it."""
    found = of_home(pulumi_home)
    ours = os.getpid()
    return [process for process in found if process.id != ours and process.name != ENGINE and _is_orphan(process)]


def end(processes: Iterable[Process], *numbers: signal.Signals, seconds: float = END_SECONDS) -> None:
    """Send the signals one after another, ``seconds`` apart, to those that are still alive."""
    left = list(processes)
    for number in numbers:
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process.id, number)
        deadline = time.monotonic() + seconds
        while (left := [process for process in left if _look(process.id) == process]) and time.monotonic() < deadline:
            time.sleep(0.02)


def end_orphans(pulumi_home: Path) -> list[Process]:
    """End the orphans of a killed engine; returns them."""
    found = orphans(pulumi_home)
    end(found, signal.SIGTERM, signal.SIGKILL)
    return found


def of_home(pulumi_home: Path) -> list[Process]:
    """All processes with this PULUMI_HOME, including those that the engines started."""
    wanted = f"PULUMI_HOME={pulumi_home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if wanted in (folder / "environ").read_bytes().split(b"\0") and (process := _look(int(folder.name))):
                found.append(process)
    return found


def _is_orphan(process: Process) -> bool:
    """Whether it is one of the engine's plugins, or a descendant of one, and no engine is among its ancestors."""
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
    """What it is now; None when it has ended, be it a zombie."""
    with suppress(OSError):
        name, _, rest = Path(f"/proc/{process}/stat").read_text().partition("(")[2].rpartition(")")
        state, parent, *_ = rest.split()
        return None if state in "ZX" else Process(process, int(parent), name)
    return None
