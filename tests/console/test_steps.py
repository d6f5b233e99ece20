"""Output in any encoding."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
from console import ExpectedError, console, step
with step("Müllers Prüfung → ✓"):
    console.print("● ✗ …")
raise SystemExit(ExpectedError("Größe ≠ 5", hint="✓").message)
"""


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp1252"])
def test_a_character_that_the_output_lacks_is_replaced_and_no_traceback(encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert "Prüfung".encode(encoding, "replace") in done.stdout
    assert "Größe".encode(encoding, "replace") in done.stderr


@pytest.mark.parametrize("goal", ["nonsense", ""])
def test_the_toolchain_replaces_characters_too(goal: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "toolchain", *([goal] if goal else [])]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
