"""Many commands in one round trip, run here by a shell instead of on a host."""

from __future__ import annotations

import shlex
import subprocess
from types import SimpleNamespace

import pytest

from verify.gathering import batch


class Here:
    """Stands for a host: runs what it is given with this machine's shell."""

    def run(self, command: str) -> SimpleNamespace:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
        return SimpleNamespace(stdout=done.stdout, stderr=done.stderr, rc=done.returncode)


@pytest.mark.parametrize(("command", "status", "text"), [("echo a; exit 3", 3, "a"), ("true", 0, ""), ("false", 1, "")])
def test_each_command_has_its_own_output_and_status(command: str, status: int, text: str) -> None:
    outputs = batch(Here(), {"before": "exit 7", "this": command, "after": "echo after"}, sudo=False)
    assert (outputs.status("before"), outputs.status("this"), outputs.status("after")) == (7, status, 0)
    assert outputs["this"] == text
    assert outputs["after"] == "after"
