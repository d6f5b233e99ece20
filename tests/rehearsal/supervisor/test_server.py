"""Server and client: results, progress, errors, and the end of one of the two."""

from __future__ import annotations

import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rehearsal.base import protocol
from rehearsal.base.handler import HandlerError, Log
from rehearsal.base.settings import Settings
from rehearsal.control import client
from rehearsal.control.client import Supervisor, SupervisorError
from rehearsal.supervisor.server import Method, RpcServer


def make(params: dict[str, Any], log: Log) -> dict[str, Any]:
    for line in params.get("lines", []):
        log(line)
    return {"made": params["id"]}


def refuse(params: dict[str, Any], log: Log) -> None:
    raise HandlerError("db01: the disk is full")


def break_down(params: dict[str, Any], log: Log) -> None:
    raise KeyError("forgotten")


@contextmanager
def serving(settings: Settings, **more: Method) -> Iterator[list[str]]:
    logged: list[str] = []
    methods = {"make": make, "refuse": refuse, "break": break_down, **more}
    server = RpcServer(settings.socket, methods, logged.append, settings.logs / "supervisor.log")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield logged
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_progress_arrives_before_the_result(settings: Settings) -> None:
    with serving(settings):
        seen: list[str] = []
        result = Supervisor(settings).call("make", {"id": "x", "lines": ["booting", "done"]}, seen.append)
    assert (result, seen) == ({"made": "x"}, ["booting", "done"])


def test_a_refusal_arrives_as_its_reason(settings: Settings) -> None:
    with serving(settings) as logged, pytest.raises(SupervisorError, match="db01: the disk is full"):
        Supervisor(settings).call("refuse", {"id": "/x"})
    assert logged == ["refuse /x: db01: the disk is full"]


def test_a_fault_of_the_supervisor_is_reported_as_such_and_it_lives_on(settings: Settings) -> None:
    with serving(settings) as logged:
        supervisor = Supervisor(settings)
        with pytest.raises(SupervisorError) as raised:
            supervisor.call("break", {"id": "/x"})
        assert supervisor.call("make", {"id": "y"}) == {"made": "y"}
    assert "KeyError" in raised.value.reason
    assert raised.value.hint is not None
    assert "supervisor.log" in raised.value.hint
    assert "Traceback" in logged[0]


def test_an_unknown_method_names_those_there_are(settings: Settings) -> None:
    with serving(settings), pytest.raises(SupervisorError, match="break, make, refuse"):
        Supervisor(settings).call("mkae")


def test_many_clients_are_served_at_once(settings: Settings) -> None:
    results: list[Any] = []
    with serving(settings):
        threads = [
            threading.Thread(target=lambda n=n: results.append(Supervisor(settings).call("make", {"id": n})))
            for n in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(result["made"] for result in results) == list(range(30))


def test_without_a_supervisor_the_error_names_the_state_folder_and_what_to_do(settings: Settings) -> None:
    supervisor = Supervisor(settings)
    assert not supervisor.alive()
    with pytest.raises(SupervisorError) as raised:
        supervisor.call("status")
    assert str(settings.state) in raised.value.reason
    assert "make rehearse" in str(raised.value)


def test_a_socket_that_a_killed_supervisor_left_is_not_a_living_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "HANG_SECONDS", 0.2)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(settings.socket))
    listening.listen()
    assert Supervisor(settings).alive()  # it says nothing, and holds everything
    listening.close()
    assert settings.socket.exists()
    assert not Supervisor(settings).alive()
    with serving(settings):
        assert Supervisor(settings).alive()


def test_a_supervisor_that_ends_in_the_middle_is_reported_with_its_log(settings: Settings) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(settings.socket))
    listening.listen()
    threading.Thread(target=lambda: listening.accept()[0].close()).start()
    with pytest.raises(SupervisorError, match="when it was asked to put"):
        Supervisor(settings).call("put")
    listening.close()


def test_a_supervisor_that_hangs_is_not_waited_for_longer_than_wanted(settings: Settings) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(settings.socket))
    listening.listen()
    with pytest.raises(SupervisorError, match="fell silent"):
        Supervisor(settings).call("shutdown", silence=0.1)
    listening.close()


def test_only_the_owner_may_speak_to_it(settings: Settings) -> None:
    with serving(settings):
        assert stat.S_IMODE(settings.socket.stat().st_mode) == 0o600


def test_one_that_was_killed_and_has_not_ended_yet_is_not_alive(settings: Settings) -> None:
    """Its socket accepts connections until its last thread ends; then they break without an answer."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(settings.socket))
        listening.listen()
        answers: list[bool] = []
        asking = threading.Thread(target=lambda: answers.append(Supervisor(settings).alive()))
        asking.start()
        connection, _ = listening.accept()
        assert protocol.receive(connection.makefile("rb")) == {"method": "ping", "params": {}}
        assert Supervisor(settings).reachable()
        connection.close()
        asking.join()
    assert answers == [False]


def test_one_that_is_ending_is_not_alive_although_it_answers(settings: Settings) -> None:
    def ending(params: dict[str, Any], log: Log) -> None:
        raise HandlerError(protocol.ENDING)

    with serving(settings, ping=ending):
        assert not Supervisor(settings).alive()
        assert Supervisor(settings).reachable()


def test_one_of_an_earlier_revision_that_does_not_know_the_question_is_alive(settings: Settings) -> None:
    with serving(settings):
        assert Supervisor(settings).alive()
