"""`fab` of this environment: Fabric's, which can be interrupted while it loads."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FABRIC_THAT_LOADS = """
import pathlib, sys, threading
pathlib.Path(sys.argv[1]).touch()
threading.Event().wait()
"""


@contextmanager
def fab(tmp_path: Path, fabric: str) -> Iterator[subprocess.Popen[str]]:
    """A `fab` with another Fabric, once that has created the file that it is given."""
    (tmp_path / "fabric").mkdir()
    (tmp_path / "fabric" / "__init__.py").touch()
    (tmp_path / "fabric" / "main.py").write_text(fabric)
    begun = tmp_path / "begun"
    command = [sys.executable, "-c", "from toolchain.fab import main; main()", str(begun)]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        while not begun.exists():
            assert process.poll() is None
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_it_loads_is_one_line_and_the_shells_exit_code(
    tmp_path: Path, number: signal.Signals
) -> None:
    with fab(tmp_path, FABRIC_THAT_LOADS) as process:
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (128 + number, "Interrupted while loading: nothing was done.\n")


FABRIC_THAT_RUNS = """
import pathlib, sys, threading
class Program:
    def run(self):
        self.execute()
    def execute(self):
        pathlib.Path(sys.argv[1]).touch()
        threading.Event().wait()
program = Program()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_of_a_command_that_says_nothing_of_it_is_one_line_as_well(
    tmp_path: Path, number: signal.Signals
) -> None:
    with fab(tmp_path, FABRIC_THAT_RUNS) as process:
        process.send_signal(number)
        _, errors = process.communicate()
    assert (process.returncode, errors) == (128 + number, "Interrupted.\n")


def test_the_environments_fab_is_this_one() -> None:
    assert "toolchain.fab" in Path(sys.executable).with_name("fab").read_text()


def test_a_reader_that_leaves_is_no_traceback() -> None:
    command = f"{shlex.quote(str(Path(sys.executable).with_name('fab')))} --list | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "Available tasks:\n"
    assert "Traceback" not in done.stderr
