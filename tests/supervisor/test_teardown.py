"""`down` while a `pulumi` is at work: it would start the next supervisor, so it is ended first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rehearsal.settings import Settings
from rehearsal.supervisor import teardown

ENGINE = """
import ctypes, signal, sys
ctypes.CDLL(None).prctl(15, b"pulumi")
signal.signal(signal.SIGINT, {handler})
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("handler", "ends_with"),
    [("lambda *_: sys.exit(3)", 3), ("signal.SIG_IGN", -signal.SIGKILL)],
    ids=["in good order", "killed in the end"],
)
def test_an_engine_at_work_is_ended_first(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, handler: str, ends_with: int
) -> None:
    monkeypatch.setattr(teardown, "ENGINE_SECONDS", 0.5)
    environment = {**os.environ, "PULUMI_HOME": str(settings.pulumi_home)}
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE.format(handler=handler)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"ready\n"
        said: list[str] = []
        teardown.down(settings, said.append)
        assert engine.wait(5) == ends_with
    assert said[0] == f"ending pulumi, which is still at work (process {engine.pid})"
