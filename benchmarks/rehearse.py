"""`python benchmarks/rehearse.py`: the figures that a rehearsal should reach, measured on this machine.

Boots are compared with bare ones in the same run, alternately, so that a busy machine slows both. The chain runs in a
copy of this clone; toolchain, images and packages are taken from the cache, and a first run fills it. Takes about ten
minutes; `--only boots` or `--only chain` takes a part. Needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.boots import Boots
from console import ExitCode, ExpectedError, console, step
from rehearsal.control.client import Supervisor
from rehearsal.control.launch import check_machine
from tests.living import Rehearsal, clone
from toolchain.folders import PROJECT

GIBIBYTE = 1024**3

_DOWN = re.compile(r"databases stopped in ([\d.]+) s, all else ended in ([\d.]+) s, files removed in ([\d.]+) s")
"""What `fab rehearsal.down` reports."""


@dataclass(frozen=True)
class Figure:
    """One measurement and its limit."""

    name: str
    value: float
    limit: float
    unit: str
    """``times`` for a ratio, else s or GiB."""
    detail: str = ""

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


def boots(rounds: int) -> Iterator[Figure]:
    """Nine hosts through the supervisor against nine bare boots."""
    bench = Boots()
    bare: list[float] = []
    ours: list[float] = []
    try:
        for number in range(1, rounds + 1):
            with step(f"Nine bare boots, round {number}"):
                bare.append(bench.bare())
            with step(f"Nine hosts through the supervisor, round {number}"):
                ours.append(bench.through_the_supervisor())
    finally:
        bench.close()
    medians = statistics.median(ours), statistics.median(bare)
    detail = f"{medians[0]:.1f} s against {medians[1]:.1f} s (medians of {rounds})"
    yield Figure("nine hosts answering SSH, cloud-init done", medians[0] / medians[1], 1.6, "times", detail)


def chain(rounds: int) -> Iterator[Figure]:
    """From nothing to GO, again without changes, back to a snapshot, and down; and the memory that it takes."""
    folder = PROJECT / ".livegang" / "benchmark" / "clone"
    if (folder / ".venv" / "bin" / "fab").exists():
        # A run before this one was killed.
        Rehearsal(folder).down()
    shutil.rmtree(folder, ignore_errors=True)
    rehearsal = clone(folder)
    try:
        with step("Toolchain, images and packages from the cache"):
            rehearsal.run("python", "-m", "toolchain", "world", timeout=3600)
        first = _to_go(rehearsal, "From nothing to GO")
        yield Figure("from nothing to GO", first, 240, "s")
        again = [_to_go(rehearsal, f"Living, without changes, round {number}") for number in range(1, rounds + 1)]
        yield Figure("a living rehearsal without changes", statistics.median(again), 45, "s", f"median of {rounds}")
        memory = Supervisor(rehearsal.settings).call("status")["memory"]
        yield Figure("memory of all, as the sum of PSS", memory / GIBIBYTE, 2, "GiB")
        with step("Snapshot"):
            rehearsal.fab("rehearsal.snapshot")
        back = [
            _back_to_go(rehearsal, f"Reset to the snapshot and GO, round {number}") for number in range(1, rounds + 1)
        ]
        against = f"{statistics.median(back):.1f} s (median of {rounds}) against {first:.1f} s"
        yield Figure("a reset to a snapshot and GO", statistics.median(back) / first, 0.25, "times", against)
        with step("Down"):
            parts = _DOWN.search(rehearsal.fab("rehearsal.down").stdout)
        if parts is None:
            raise ExpectedError("`fab rehearsal.down` did not report how long its parts took.")
        databases, ended, removed = map(float, parts.groups())
        yield Figure(
            "down, compared with the databases' stop", ended + removed, 5, "s", f"databases stopped in {databases} s"
        )
    finally:
        rehearsal.down()


def _to_go(rehearsal: Rehearsal, name: str) -> float:
    """Seconds of `fab rehearse`, which has to end with GO."""
    with step(name):
        started = time.monotonic()
        done = rehearsal.run("fab", "rehearse", check=False)
        seconds = time.monotonic() - started
        if done.returncode != ExitCode.DONE:
            end = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-25:])
            raise ExpectedError(f"{name}: `fab rehearse` ended with {done.returncode}, so it does not count:\n{end}")
        return seconds


def _back_to_go(rehearsal: Rehearsal, name: str) -> float:
    """Seconds of a reset and the verdict after it, which has to be GO without a converge."""
    with step(name):
        started = time.monotonic()
        done = rehearsal.fab("rehearsal.reset", "verify.ready", check=False)
        seconds = time.monotonic() - started
        if done.returncode != ExitCode.DONE:
            end = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-25:])
            raise ExpectedError(f"{name}: it ended with {done.returncode}, so it does not count:\n{end}")
        return seconds


PARTS: dict[str, Callable[[int], Iterator[Figure]]] = {"boots": boots, "chain": chain}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(PARTS), help="this part alone")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions whose median counts (default: 3)")
    results = PROJECT / ".livegang" / "benchmark" / "rehearse.json"
    parser.add_argument("--json", type=Path, default=results, help=f"where the figures go (default: {results})")
    arguments = parser.parse_args()
    try:
        check_machine()
        load = os.getloadavg()[0]
        cores = os.cpu_count() or 1
        if load > cores / 2:
            console.print(f"[yellow]The machine is busy (load {load:.1f} on {cores} cores): times are too long.[/]")
        parts = [PARTS[arguments.only]] if arguments.only else list(PARTS.values())
        figures = [figure for part in parts for figure in part(arguments.rounds)]
    except ExpectedError as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        return int(error.code)
    _show(figures)
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "cores": cores,
        "load_before": round(load, 2),
        "figures": [{**asdict(figure), "reached": figure.reached} for figure in figures],
    }
    arguments.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    console.print(f"Kept in {arguments.json}.", soft_wrap=True)
    return 0 if all(figure.reached for figure in figures) else int(ExitCode.FAILED)


def _show(figures: list[Figure]) -> None:
    table = Table(title="Figures to reach", title_justify="left", box=None)
    for column, justify in (("figure", "left"), ("measured", "right"), ("at most", "right"), ("", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for figure in figures:
        colour = "green" if figure.reached else "red"
        measured = f"[{colour}]{figure.value:.2f} {figure.unit}[/]"
        table.add_row(figure.name, measured, f"{figure.limit:g} {figure.unit}", f"[dim]{figure.detail}[/]")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
