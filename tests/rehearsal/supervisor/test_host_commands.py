"""What a person tells one host, in every state that it may be in."""

from __future__ import annotations

from typing import Any, cast

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.machines.host import State
from rehearsal.machines.virtual_machine import VirtualMachines
from rehearsal.supervisor.host_commands import HostCommands, Refused


class Host:
    """A host of which only the state matters; its processes do as asked."""

    name = "web01"

    def __init__(self, state: State) -> None:
        self.state = state
        self.reported: list[str] = []

    def stop(self, seconds: float) -> None:
        self._become("stop", State.STOPPED)

    def kill(self) -> None:
        self._become("kill", State.GONE)

    def reboot(self) -> None:
        self._become("reboot", State.RUNNING)

    def boot(self) -> None:
        self._become("start", State.RUNNING)

    def wait_until_booted(self) -> None:
        self.state = State.RUNNING

    def _become(self, order: str, state: State) -> None:
        self.reported.append(order)
        self.state = state


class Everything:
    """The world, its hosts and their handler in one: as much of each as a command needs."""

    def __init__(self, host: Host) -> None:
        self.host, self.hosts = host, self

    def find(self, name: str) -> Host:
        if name != self.host.name:
            raise HandlerError(f"There is no host {name}; there are: {self.host.name}.")
        return self.host

    def identifier(self, host: Host) -> str:
        return "/id"

    def stop_seconds(self, identifier: str) -> float:
        return 1

    def start(self, identifier: str) -> None:
        self.host.boot()


def _reported(state: State, action: str, name: str = "web01") -> tuple[Host, dict[str, str]]:
    host = Host(state)
    everything: Any = Everything(host)
    return host, HostCommands(cast(VirtualMachines, everything)).carry_out(name, action)


@pytest.mark.parametrize(
    ("action", "state", "then"),
    [
        ("start", State.STOPPED, State.RUNNING),
        ("stop", State.RUNNING, State.STOPPED),
        ("stop", State.STARTING, State.STOPPED),
        ("reboot", State.RUNNING, State.RUNNING),
        ("reboot", State.STARTING, State.RUNNING),
        ("kill", State.RUNNING, State.GONE),
        ("kill", State.STARTING, State.GONE),
    ],
)
def test_what_can_be_done_is_done(action: str, state: State, then: State) -> None:
    host, reported = _reported(state, action)
    assert host.reported == [action]
    assert reported == {"name": "web01", "state": then, "note": ""}


@pytest.mark.parametrize(
    ("action", "state", "note"),
    [("stop", State.STOPPED, "it was stopped already"), ("kill", State.GONE, "it was gone already")],
)
def test_what_is_so_already_is_said_and_no_error(action: str, state: State, note: str) -> None:
    host, reported = _reported(state, action)
    assert host.reported == []
    assert reported == {"name": "web01", "state": state, "note": note}


def test_a_start_of_what_runs_says_so() -> None:
    assert _reported(State.RUNNING, "start")[1]["note"] == "it was running already"


@pytest.mark.parametrize(
    ("action", "state", "hint"),
    [
        ("start", State.GONE, "pulumi up --refresh"),
        ("stop", State.GONE, "pulumi up --refresh"),
        ("reboot", State.GONE, "pulumi up --refresh"),
        ("reboot", State.STOPPED, "fab rehearsal.start web01"),
        ("kill", State.STOPPED, "fab rehearsal.start web01"),
    ],
)
def test_what_cannot_be_done_is_refused_with_what_can(action: str, state: State, hint: str) -> None:
    with pytest.raises(Refused, match=f"web01 is {state}") as caught:
        _reported(state, action)
    assert hint in caught.value.hint


def test_an_unknown_host_lists_those_there_are() -> None:
    with pytest.raises(HandlerError, match="There is no host web9; there are: web01"):
        _reported(State.RUNNING, "stop", name="web9")


def test_an_unknown_order_lists_those_there_are() -> None:
    with pytest.raises(HandlerError, match="cannot explode: the commands are start, stop, reboot"):
        _reported(State.RUNNING, "explode")
