"""A batch of commands in one round trip: each keeps its own words and its own exit status."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from verify.gathering import batch


@dataclass
class Ran:
    rc: int
    stdout: str
    stderr: str


class Here:
    """This machine, as far as a batch asks for a testinfra host."""

    def run(self, command: str) -> Ran:
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)


def test_each_command_has_its_own_words_and_status() -> None:
    commands = {
        "good": "echo one; echo two >&2",
        "bad": "echo three; exit 7",
        "missing": "no-such-command",
        "after": "true",
    }
    outputs = batch(Here(), commands, sudo=False)
    assert outputs["good"] == "one\ntwo"
    assert outputs["bad"] == "three"
    assert [outputs.status(name) for name in commands] == [0, 7, 127, 0]
