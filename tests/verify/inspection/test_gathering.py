"""Many commands in one round trip, run here by a shell instead of on a host."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from toolchain.folders import PROJECT
from verify.inspection import gathering
from verify.inspection.gathering import Gathering, batch, start_all
from verify.report.errors import CommandTooSlow


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


def test_of_a_batch_that_hangs_the_command_that_hangs_is_reported() -> None:
    class Hanging:
        def run(self, command: str) -> SimpleNamespace:
            said = b"-----livegang----- begin name\ndb01\n-----livegang----- end 0\n-----livegang----- begin disk\n"
            raise CommandTooSlow("db01", command, 45, said)

    with pytest.raises(CommandTooSlow, match=r"^db01: no end after 45 s of: df /data$"):
        batch(Hanging(), {"name": "hostname", "disk": "df /data", "after": "true"})


def test_what_waits_begins_first_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    happened = threading.Event()
    places = [f"web{number:02}" for number in range(40)]  # more than there are threads for work
    monkeypatch.setattr(gathering, "connect", lambda place: place)
    monkeypatch.setattr(gathering, "_all", [])
    started: list[Gathering[Any]] = []
    done: list[str] = []
    start = Gathering.start

    def recorded(gathering: Gathering[Any], places: Iterable[str]) -> None:
        started.append(gathering)
        start(gathering, places)

    monkeypatch.setattr(Gathering, "start", recorded)
    work: Gathering[None] = Gathering("verify.test_web", lambda host: done.append(host))
    waiting: Gathering[bool] = Gathering("verify.test_web", lambda host: happened.wait(300), waits=True)
    start_all({"web": set(places)}, [])
    assert started == [waiting, work]
    for place in places:
        work.of(place)
    assert len(done) == len(places)
    happened.set()
    assert all(waiting.of(place) for place in places)


def test_the_jump_host_is_looked_at_before_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look(spec: str, ssh_config: str) -> str | None:
        asked.append(spec)
        return "no route" if spec == "ssh://web01" else None

    monkeypatch.setattr(gathering, "unreachable_reason", look)
    specs = {name: f"ssh://{name}" for name in ("app01", "mgmt01", "web01")}
    looks = gathering.start_looking(specs, "mgmt01", "ssh_config")
    assert {name: part.result() for name, part in looks.items()} == {"mgmt01": None, "app01": None, "web01": "no route"}
    assert asked[0] == "ssh://mgmt01"


def test_an_interrupted_run_does_not_fetch_what_is_queued() -> None:
    # In a process of its own: the pool is one for the whole process, and abandoned for good.
    program = """
import threading
from verify.inspection import gathering
gathering.connect = lambda place: None
begun, ending = threading.Semaphore(0), threading.Event()
def look(host):
    begun.release()
    ending.wait(300)
looked_at = gathering.Gathering("suite", look)
looked_at.start(str(number) for number in range(100))
for _ in range(16):
    assert begun.acquire(timeout=300)
gathering.abandon()
ending.set()
print(sum(part.cancelled() for part in looked_at._parts.values()))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 84, "all but the sixteen that are under way"


def test_an_interrupted_run_stops_waiting_and_cleans_up() -> None:
    program = """
from verify.inspection import gathering, waiting
gathering.connect = lambda place: None
def wait(host):
    try:
        waiting.pause(600)
    finally:
        print("cleaned up")
looked_at = gathering.Gathering("suite", wait, waits=True)
looked_at.start(["mgmt01"])
gathering.abandon()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "cleaned up\n"


def test_an_interrupted_run_ends_the_commands_that_run(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    (tmp_path / "ssh").write_text(f"#!/bin/sh\ntouch {begun}\nexec sleep 600\n")
    (tmp_path / "ssh").chmod(0o755)
    program = f"""
import pathlib, testinfra, time
from verify.inspection import connection, gathering
connection.install()
gathering.connect = lambda place: testinfra.get_host(f"ssh://{{place}}")
looked_at = gathering.Gathering("suite", lambda host: host.run("df /data").rc)
looked_at.start(["db01"])
while not pathlib.Path("{begun}").exists():
    time.sleep(0.01)
gathering.abandon()
print(looked_at.of("db01"))
"""
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.stdout == "-15\n", done.stderr
