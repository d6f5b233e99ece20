"""SIGINT and SIGTERM at every command of a rehearsal: it ends in seconds, with one sentence and the shell's code."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.drills.stage import Command, Stage, wait_for

SECONDS = 30.0
"""The longest that a command may take to end; an engine lets what it is at come to an end, on a busy machine too."""

Condition = Callable[[Stage, Command], object]


@dataclass(frozen=True)
class Stop:
    """A command, when it is asked to end, and what it then says (Pulumi's CLI has words of its own)."""

    command: tuple[str, ...]
    when: Condition
    says: str = "Interrupted after "
    codes: tuple[int, ...] = ()
    """Exit codes if other than 128 and the signal's number."""


def booting(stage: Stage, command: Command) -> object:
    """Of a command that has begun: before, Python itself would be stopped while it loads it."""
    return command.said and [name for name, state in stage.hosts().items() if state == "starting"]


def installing(stage: Stage, command: Command) -> object:
    return stage.in_group("hosts/mgmt01", "dpkg") or stage.in_group("hosts/db01", "apt-get")


def agents(stage: Stage, command: Command) -> object:
    return stage.in_group("hosts/db01", "python3")


def checking(stage: Stage, command: Command) -> object:
    return "checking " in command.said


def ending(stage: Stage, command: Command) -> object:
    return "databases in good order" in command.said


PULUMI_UP = ("pulumi", "up", "--yes", "--skip-preview", "--refresh")

MAKING = (
    Stop(PULUMI_UP, booting, says="The next `pulumi up` goes on where this one ended", codes=(1, 255)),
    Stop(("fab", "infra.up", "--yes", "--refresh"), booting),
    Stop(("fab", "rehearse"), booting),
)
"""Each while a host boots; the next one goes on."""

ON_HOSTS = (
    Stop(("fab", "hosts.converge"), installing),
    Stop(("fab", "rehearse"), agents),
    Stop(("fab", "hosts.plan"), agents),
    Stop(("fab", "verify.ready"), checking),
)
"""In this order, on hosts that are up."""

AT_THE_END = (Stop(("fab", "rehearsal.down"), ending),)


def stop(stage: Stage, stop: Stop, number: signal.Signals) -> float:
    """Tell it to end at its moment, by Ctrl-C at its terminal or by SIGTERM; returns the seconds that it took."""
    command = stage.start_at_terminal(*stop.command) if number is signal.SIGINT else stage.start(*stop.command)
    wait_for(" ".join(stop.command), lambda: stop.when(stage, command), command)
    began = time.monotonic()
    if number is signal.SIGINT:
        command.press_control_c()
    else:
        command.process.send_signal(number)
    code = command.wait(SECONDS)
    seconds = time.monotonic() - began
    said = command.said
    assert code in (stop.codes or (128 + number,)), f"exit code {code}:\n{said}"
    assert stop.says in said, said
    assert said.count("Interrupted after ") <= 1, said
    assert "Traceback" not in said, said
    return seconds
