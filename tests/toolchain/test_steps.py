"""Steps wait for those they need, run in parallel otherwise, and the first failure ends all."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from toolchain import steps
from toolchain.errors import SetupError
from toolchain.steps import Progress, Runner, Step

HANG_SECONDS = 600
"""Only what hangs takes as long."""


def test_a_step_runs_after_those_that_it_needs(tmp_path: Path) -> None:
    order: list[str] = []

    def noting(name: str, after: tuple[str, ...] = ()) -> Step:
        return Step(name, lambda progress: order.append(name), after)

    Runner(tmp_path).run([noting("c", ("a", "b")), noting("b", ("a",)), noting("a")])
    assert order == ["a", "b", "c"]


def test_a_name_that_is_not_among_the_steps_blocks_nothing(tmp_path: Path) -> None:
    done = threading.Event()
    Runner(tmp_path).run([Step("a", lambda progress: done.set(), ("elsewhere",))])
    assert done.is_set()


def test_independent_steps_run_in_parallel(tmp_path: Path) -> None:
    meeting = threading.Barrier(2, timeout=HANG_SECONDS)
    Runner(tmp_path).run([Step(name, lambda progress: str(meeting.wait())) for name in ("a", "b")])


def test_each_step_is_named_with_its_elapsed_time_and_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Runner(tmp_path).run([Step("a step", lambda progress: "already there")])
    assert re.fullmatch(r"✓ a step  \d+\.\d s  \(already there\)\n", capsys.readouterr().out)


def test_a_long_step_reports_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    reported = threading.Event()

    def note(line: str, **_options: object) -> None:
        lines.append(line)
        if line.startswith("…"):
            reported.set()

    def slow(progress: Progress) -> None:
        progress.run(["echo", "unpacking"])
        assert reported.wait(HANG_SECONDS)

    monkeypatch.setattr(steps, "SECONDS_BETWEEN_REPORTS", 0.1)
    monkeypatch.setattr(steps, "print", note, raising=False)
    Runner(tmp_path).run([Step("slow", slow)])
    reports = [line for line in lines if "unpacking" in line]
    assert reports
    assert all(re.fullmatch(r"… slow  \d+ s  unpacking", line) for line in reports)


def test_a_failing_command_shows_its_end_and_where_the_rest_is(tmp_path: Path) -> None:
    command = ["sh", "-c", "for i in $(seq 100); do echo line $i; done; exit 3"]
    with pytest.raises(SetupError) as caught:
        Runner(tmp_path).run([Step("building", lambda progress: progress.run(command))])
    message = str(caught.value)
    assert "building: sh exited with 3" in message
    assert "line 100" in message
    assert "line 75\n" not in message
    assert "line 1\n" in (tmp_path / "toolchain-building.log").read_text()


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no-such-command cannot be started"):
        Runner(tmp_path).run([Step("a", lambda progress: progress.run(["no-such-command"]))])


def test_the_first_failure_ends_what_runs_in_parallel_and_starts_nothing_more(tmp_path: Path) -> None:
    running, started = tmp_path / "running", list[str]()

    def fail(progress: Progress) -> None:
        while not running.exists():
            assert not progress.ended(0.01)
        raise SetupError("broken")

    def long(progress: Progress) -> str:
        return progress.run(["sh", "-c", f"touch '{running}'; exec sleep 3600"])

    begun = time.monotonic()
    with pytest.raises(SetupError, match="broken"):
        Runner(tmp_path).run(
            [
                Step("fails", fail),
                Step("long", long),
                Step("later", lambda progress: started.append("later"), ("long",)),
            ]
        )
    assert time.monotonic() - begun < HANG_SECONDS  # far less than what it ended
    assert started == []
