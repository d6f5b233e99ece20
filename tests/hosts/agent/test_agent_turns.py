"""Two runs on one host: the second one waits until the first has finished what it was at, and says so."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

import pytest

from hosts.agent import main as agent

DOCUMENT = {"mode": "converge", "states": [], "vault_uri": "", "secrets": {}, "trusted_authorities": []}


class Run:
    """An agent in a thread, and what it says."""

    def __init__(self) -> None:
        self.given, ours = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self.operator: BinaryIO = ours  # type: ignore[assignment]
        said, sink = (os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        self.said: BinaryIO = said  # type: ignore[assignment]
        self._code: list[int] = []

        def work() -> None:
            self._code.append(agent.main(DOCUMENT, self.given, sink))  # type: ignore[arg-type]
            sink.close()

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.said.readline())
        return message

    def code(self) -> int:
        self._thread.join(300)
        return self._code[0]


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Another run that is at work on this host."""
    monkeypatch.setattr(agent, "MUTEX", f"\0livegang-test-{os.getpid()}")
    monkeypatch.setattr(agent, "HEARTBEAT", 0.05)
    with socket.socket(socket.AF_UNIX) as mutex:
        mutex.bind(agent.MUTEX)
        yield mutex


def test_the_second_run_waits_says_so_and_gives_signs_of_life(first: socket.socket) -> None:
    run = Run()
    assert run.next() == {"note": "waits until the run before this one has finished what it is at"}
    assert list(run.next()) == ["alive"], "else it would count as lost after half a minute"
    first.close()
    while "end" not in (message := run.next()):
        assert "error" not in message
    assert run.code() == 0
    run.operator.close()


def test_a_run_that_no_one_waits_for_any_more_does_not_wait_either(first: socket.socket) -> None:
    run = Run()
    run.next()
    run.operator.close()
    assert run.code() == 1


def test_it_does_not_wait_for_ever(first: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "OTHER_RUN_SECONDS", 0.0)
    run = Run()
    while "error" not in (message := run.next()):
        assert "end" not in message
    assert message["error"] == "another run is changing this host; it did not end within 0 s"
    run.operator.close()
