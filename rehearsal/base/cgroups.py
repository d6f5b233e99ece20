"""Control groups: what holds all processes of one host or service, so that it can be ended and measured whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from console.waiting import wait_until

ROOT = Path("/sys/fs/cgroup")
"""In the supervisor's mount namespace: cgroup2, from the rehearsal's own group downwards."""


@dataclass(frozen=True)
class Usage:
    """What a group's processes use."""

    memory: int
    """Bytes: the sum of their proportional set sizes, in which a shared page counts once in all."""
    cpu_seconds: float
    processes: int


class Cgroup:
    """One group and all below it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)

    def groups(self) -> list[Path]:
        """This group and those below it, innermost first."""
        return [Path(folder) for folder, _, _ in os.walk(self.path, topdown=False)]

    def processes(self) -> list[int]:
        """Process ids, as this process sees them."""
        found: list[int] = []
        for group in self.groups():
            with suppress(FileNotFoundError, OSError):  # the group was removed meanwhile
                found += [int(line) for line in (group / "cgroup.procs").read_text().split()]
        return found

    def populated(self) -> bool:
        return self._event("populated 1")

    def kill(self) -> None:
        """SIGKILL to all in it at once, also to those that are just being forked."""
        with suppress(FileNotFoundError):
            (self.path / "cgroup.kill").write_text("1")

    def freeze(self) -> None:
        """Freeze everything in it. Frozen processes still end when they are killed."""
        self._freeze(True)

    def thaw(self) -> None:
        self._freeze(False)

    def _freeze(self, still: bool) -> None:
        with suppress(FileNotFoundError):
            (self.path / "cgroup.freeze").write_text("1" if still else "0")

    def wait_frozen(self, seconds: float) -> bool:
        """Wait until everything is frozen; False when something still runs after ``seconds``."""
        return wait_until(lambda: not self.path.exists() or self._event("frozen 1"), seconds, every=0.002)

    def wait_empty(self, seconds: float) -> bool:
        """Wait until no process is left; False when there still is one after ``seconds``."""
        return wait_until(lambda: not self.populated(), seconds)

    def remove(self, seconds: float = 5) -> None:
        """Kill what is in it and remove its folders; after ``seconds`` without success they stay."""

        def removed() -> bool:
            self.kill()
            for group in self.groups():
                with suppress(OSError):  # busy for a moment longer than it is populated, or removed by another
                    group.rmdir()
            return not self.path.exists()

        wait_until(removed, seconds, every=0.005)

    def usage(self) -> Usage:
        processes = self.processes()
        return Usage(sum(map(_proportional_set_size, processes)), self._cpu_seconds(), len(processes))

    def inner(self, process_id: int) -> int | None:
        """Of this group, the process that has ``process_id`` in a PID namespace below ours; None if there is none."""
        return next((outer for outer, inner in self._inner_ids() if inner == process_id), None)

    def _inner_ids(self) -> Iterator[tuple[int, int]]:
        for process in self.processes():
            with suppress(OSError):
                for line in Path(f"/proc/{process}/status").read_text().splitlines():
                    if line.startswith("NSpid:") and len(ids := line.split()[1:]) > 1:
                        yield process, int(ids[1])

    def _event(self, event: str) -> bool:
        try:
            return event in (self.path / "cgroup.events").read_text()
        except FileNotFoundError:  # the group does not exist
            return False

    def _cpu_seconds(self) -> float:
        with suppress(OSError):
            for line in (self.path / "cpu.stat").read_text().splitlines():
                if line.startswith("usage_usec "):
                    return int(line.split()[1]) / 1e6
        return 0.0


def _proportional_set_size(process: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
