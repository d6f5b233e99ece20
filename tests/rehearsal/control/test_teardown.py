"""`down`: what it removes and what it keeps; a `pulumi` that is at work is ended first, for it would go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from rehearsal.base.settings import Settings
from rehearsal.control import teardown
from rehearsal.control.teardown import down

ENGINE = """
import ctypes, signal, sys
ctypes.CDLL(None).prctl(15, b"pulumi")
signal.signal(signal.SIGINT, {handler})
print("ready", flush=True)
sys.stdin.readline()
"""


def test_down_removes_the_world_and_its_secrets_and_keeps_the_keys(settings: Settings) -> None:
    of_the_world = (
        settings.disks,
        settings.records,
        settings.vault,
        settings.backend,
        settings.pulumi_home,
        settings.snapshots,
    )
    for folder in (*of_the_world, settings.keys):
        folder.mkdir(parents=True)
        (folder / "content").write_text("something")
    settings.reset.write_text('{"snapshot": "of a reset that was interrupted"}')
    down(settings, print)
    assert not settings.reset.exists()
    assert not any(folder.exists() for folder in of_the_world)
    assert (settings.keys / "content").exists()


def test_down_twice_is_no_error(settings: Settings) -> None:
    down(settings, print)
    down(settings, print)


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
