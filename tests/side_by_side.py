"""`python -m tests.side_by_side [STACK STACK]`: two clones' rehearsals in parallel, both GO, nothing left of either.

Without arguments both are of the stack `small`: the same names and addresses twice, which is the harder case. It takes
three to ten minutes, so it is no part of `make test`.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rehearsal.base.settings import RUNTIME
from rehearsal.control import launch
from tests.living import Rehearsal, clone
from tests.rehearsal.machines.small_world import Traces, cgroup_processes
from verify.report.files import DOCUMENT

GO = 0


@dataclass
class Side:
    """One clone and its stack."""

    stack: str
    living: Rehearsal

    def rehearse(self) -> float:
        """From nothing to GO; returns the seconds it took."""
        started = time.monotonic()
        self.living.run("python", "-m", "toolchain", "world")
        ended = self.living.run("fab", "rehearse", "--stack", self.stack, check=False)
        assert ended.returncode == GO, f"{self.name} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}"
        report = self.living.folder / ".livegang" / self.stack / "report" / DOCUMENT
        assert json.loads(report.read_text())["verdict"] == "GO"
        return time.monotonic() - started

    @property
    def name(self) -> str:
        return f"{self.living.folder.name} ({self.stack})"

    def ssh(self, host: str, command: str) -> str:
        configuration = self.living.folder / ".livegang" / self.stack / "ssh_config"
        return self.living.run("ssh", "-F", str(configuration), host, command).stdout.strip()

    def hosts(self) -> dict[str, str]:
        """Jump host and a host behind it, by name, each with the machine id that systemd gave it at its first boot."""
        inventory = json.loads(self.living.run("fab", "infra.inventory", "--stack", self.stack).stdout)
        names = [inventory["way_in"]["jump_host"], next(iter(inventory["hosts"]))]
        return {name: self.ssh(name, "cat /etc/machine-id") for name in names}

    def left(self) -> list[str]:
        """What still exists of it on the machine."""
        settings = self.living.settings
        traces = Traces.of(settings)
        found = [*traces.mounts, *traces.loop_devices, *traces.processes, *cgroup_processes(launch.cgroup(settings))]
        runtime = RUNTIME / settings.identifier
        return found + [str(path) for path in (launch.cgroup(settings), runtime, settings.machines) if path.exists()]


def main(stacks: list[str]) -> None:
    assert len(stacks) == 2, "usage: python -m tests.side_by_side [STACK STACK]"
    with tempfile.TemporaryDirectory(prefix="livegang-side-by-side-", dir="/var/tmp") as name:
        sides = [Side(stack, clone(Path(name) / place)) for stack, place in zip(stacks, ("one", "other"), strict=True)]
        try:
            with ThreadPoolExecutor(2) as pool:
                for side, seconds in zip(sides, pool.map(Side.rehearse, sides), strict=True):
                    print(f"{side.name}: GO after {seconds:.0f} s", flush=True)
            seen = [side.hosts() for side in sides]
            for machines in seen:
                print(machines, flush=True)
            identifiers = [identifier for machines in seen for identifier in machines.values()]
            assert len(set(identifiers)) == len(identifiers), "one clone's way in leads to the other's host"
            # The counterpart of what is asserted below: while it runs, there is something to find.
            assert all(side.left() for side in sides)
            print(_down(sides[0]), flush=True)
            ready = sides[1].living.run("fab", "verify.ready", "--stack", sides[1].stack, check=False)
            assert ready.returncode == GO, f"without the other, {sides[1].name} is not ready:\n{ready.stdout}"
            print(f"{sides[1].name}: GO without the other", flush=True)
            print(_down(sides[1]), flush=True)
        finally:
            for side in sides:
                if side.left():
                    side.living.fab("rehearsal.down", check=False)


def _down(side: Side) -> str:
    started = time.monotonic()
    side.living.fab("rehearsal.down")
    seconds = time.monotonic() - started
    assert not (left := side.left()), f"left of {side.name}: {left}"
    return f"{side.name}: down in {seconds:.1f} s, nothing left"


if __name__ == "__main__":
    main(sys.argv[1:] or ["small", "small"])
