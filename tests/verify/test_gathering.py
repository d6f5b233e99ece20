"""Many commands in one round trip, run here by a shell instead of on a host."""

from __future__ import annotations

import shlex
import subprocess
from types import SimpleNamespace

import pytest

from verify.connection import CommandTooSlow
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


def test_of_a_batch_that_hangs_the_command_that_hangs_is_told() -> None:
    class Hanging:
        def run(self, command: str) -> SimpleNamespace:
            said = b"-----livegang----- begin name\ndb01\n-----livegang----- end 0\n-----livegang----- begin disk\n"
            raise CommandTooSlow("db01", command, said)

    with pytest.raises(CommandTooSlow, match=r"^db01: no end after 45 s of: df /data$"):
        batch(Hanging(), {"name": "hostname", "disk": "df /data", "after": "true"})
