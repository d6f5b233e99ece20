"""`python -m benchmarks.in_a_row`: many rehearsals one after another, counted by verdict.

Nothing is broken in them, so each verdict but GO is a false one: its report is kept. Living rehearsals are
`fab rehearse` on a fleet that is up; resets go back to a snapshot and verify; what begins from nothing is brought
down before. They run in a copy of this clone. Needs root; toolchain, images and packages come from the cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections import Counter

from console import ExitCode, ExpectedError, console
from rehearsal.control.launch import check_machine
from tests.living import STACK, Rehearsal, clone
from toolchain.folders import PROJECT

VERDICTS: dict[int, str] = {ExitCode.DONE: "GO", ExitCode.NO_GO: "NO-GO", ExitCode.NOT_CHECKED: "NOT CHECKED"}
RESULTS = PROJECT / ".livegang" / "benchmark" / "in_a_row"


class Series:
    """Runs and their verdicts, written to disk after each."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._rehearsal = rehearsal
        self.runs: list[dict[str, object]] = []

    def run(self, kind: str, *tasks: str) -> None:
        """Run the tasks as one command, and count the verdict that it ends with."""
        started = time.monotonic()
        done = self._rehearsal.fab(*tasks, check=False)
        seconds = round(time.monotonic() - started, 1)
        verdict = VERDICTS.get(done.returncode, f"failed with {done.returncode}")
        number = len(self.runs) + 1
        self.runs.append({"kind": kind, "verdict": verdict, "seconds": seconds})
        colour = "green" if done.returncode == ExitCode.DONE else "red"
        console.print(f"{time.strftime('%T')} {number:3} {kind:12} [{colour}]{verdict}[/] {seconds:6.1f} s")
        if done.returncode != ExitCode.DONE:
            kept = RESULTS / f"{number}"
            kept.mkdir()
            (kept / "output.txt").write_text(done.stdout + done.stderr)
            report = self._rehearsal.folder / ".livegang" / STACK / "report"
            if report.is_dir():
                shutil.copytree(report, kept / "report")
        (RESULTS / "runs.json").write_text(json.dumps(self.runs, indent=1))

    def down(self) -> None:
        self._rehearsal.fab("rehearsal.down")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--living", type=int, default=20, help="runs of `fab rehearse` on a living fleet (20)")
    parser.add_argument("--resets", type=int, default=0, help="runs of reset and `fab verify.ready` (0)")
    parser.add_argument(
        "--from-nothing", type=int, default=1, help="runs that begin without a rehearsal; at least 1 (1)"
    )
    arguments = parser.parse_args()
    try:
        check_machine()
        runs = _all(max(1, arguments.from_nothing), arguments.living, arguments.resets)
    except ExpectedError as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        return int(error.code)
    medians: dict[str, float] = {}
    kinds = sorted({str(run["kind"]) for run in runs})
    for kind in kinds:
        mine = [run for run in runs if run["kind"] == kind]
        counted = ", ".join(f"{count} {verdict}" for verdict, count in Counter(run["verdict"] for run in mine).items())
        seconds = statistics.median(float(str(run["seconds"])) for run in mine)
        medians[kind] = seconds
        console.print(f"{len(mine)} {kind}: {counted}; median {seconds:.1f} s")
    if "reset" in medians:
        console.print(f"A reset and its GO take {medians['reset'] / medians['from nothing']:.2f} of one from nothing.")
    return 0 if all(run["verdict"] == "GO" for run in runs) else int(ExitCode.FAILED)


def _all(from_nothing: int, living: int, resets: int) -> list[dict[str, object]]:
    folder = PROJECT / ".livegang" / "benchmark" / "clone"
    if (folder / ".venv" / "bin" / "fab").exists():
        # A run before this one was killed.
        Rehearsal(folder).down()
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    rehearsal = clone(folder)
    series = Series(rehearsal)
    try:
        rehearsal.run("python", "-m", "toolchain", "world", timeout=3600)
        # In this order, so that what is compared is measured in direct succession.
        for number in range(from_nothing):
            if number:
                series.down()
            series.run("from nothing", "rehearse")
        if resets:
            rehearsal.fab("rehearsal.snapshot")
        for _ in range(resets):
            series.run("reset", "rehearsal.reset", "verify.ready")
        for _ in range(living):
            series.run("living", "rehearse")
        return series.runs
    finally:
        rehearsal.down()


if __name__ == "__main__":
    sys.exit(main())
