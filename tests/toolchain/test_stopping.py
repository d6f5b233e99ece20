"""`make` targets that are stopped: their steps' processes end, and one sentence says how to continue."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import command_lines
from toolchain.folders import PROJECT

GOAL = """
import sys
from pathlib import Path
from toolchain import __main__ as entry, cli
from toolchain.steps import Runner, Step

folder = Path(sys.argv[1])

def building(progress):
    progress.run(["sh", "-c", f"echo started > {folder}/started; exec sleep 4711{folder.name[-1]}"])

def waiting(progress):
    with cli._alone(folder / "lock", progress):
        raise AssertionError("another process has it")

def goal(arguments):
    Runner(folder / "logs").run([Step("building", building), Step("waiting", waiting)])

entry.GOALS["goal"] = goal
sys.exit(entry.main(["goal"]))
"""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("ignoring", [False, True], ids=["foreground", "background"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_goal_that_is_stopped_ends_all_it_started(tmp_path: Path, number: signal.Signals, ignoring: bool) -> None:
    (tmp_path / "lock").touch()
    holder = subprocess.Popen(
        ["flock", tmp_path / "lock", "sh", "-c", "echo held; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    command = [sys.executable, "-c", GOAL, str(tmp_path)]
    if ignoring:  # as a shell starts what runs in its background
        command = ["/bin/sh", "-c", 'trap "" INT; exec "$0" "$@"', *command]
    try:
        with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as goal:
            while not (tmp_path / "started").exists():
                assert goal.poll() is None, goal.communicate()
            goal.send_signal(number)
            output, errors = goal.communicate(timeout=300)
    finally:
        holder.communicate(b"\n")
    assert errors == "Stopped. What was finished is kept; the same command continues from here.\n"
    assert goal.returncode == 128 + number
    assert "Traceback" not in output
    assert f"sleep 4711{tmp_path.name[-1]}" not in command_lines().values()
