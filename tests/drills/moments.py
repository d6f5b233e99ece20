"""The moments: in which phase, what is waited for, what is killed. Each waits for a real condition, never for time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rehearsal.machines.cgroups import Cgroup
from tests.drills.stage import Command, Stage

HOSTS = 3
"""Of the small landscape."""


@dataclass(frozen=True)
class Moment:
    """``when`` and ``whom`` return something true, and the processes to kill, as soon as it is time."""

    name: str
    when: Callable[[Stage, Command], object]
    whom: Callable[[Stage, Command], list[int]]


def _begun(part: str) -> Callable[[Stage, Command], object]:
    """The making of a resource of this type was begun."""
    return lambda stage, command: any(f"/{part}/" in identifier for identifier in stage.made())


def _booting(stage: Stage, command: Command) -> object:
    return [name for name, state in stage.hosts().items() if state == "starting"]


def _runs(place: str, name: str) -> Callable[[Stage, Command], object]:
    return lambda stage, command: stage.in_group(place, name)


def _processes(place: str, name: str) -> Callable[[Stage, Command], list[int]]:
    return lambda stage, command: stage.in_group(place, name)


def _said(text: str) -> Callable[[Stage, Command], object]:
    return lambda stage, command: text in command.said


def _engine(stage: Stage, command: Command) -> list[int]:
    return stage.engine()


def _provider(stage: Stage, command: Command) -> list[int]:
    return stage.provider()


def _supervisor(stage: Stage, command: Command) -> list[int]:
    return stage.supervisor_process()


def _itself(stage: Stage, command: Command) -> list[int]:
    return [command.process.pid]


def _fewer_hosts(stage: Stage, command: Command) -> object:
    """A host has no process any more."""
    return [path for path in (stage.group / "hosts").glob("*/") if not Cgroup(path).populated()] or (
        len(list((stage.group / "hosts").glob("*/"))) < HOSTS
    )


UP = (
    Moment("the engine, when the first network is made", _begun("virtualNetworks"), _engine),
    Moment("the engine, while hosts boot", _booting, _engine),
    Moment("the provider, while hosts boot", _booting, _provider),
    Moment("the supervisor, while hosts boot", _booting, _supervisor),
    Moment("a host's nspawn, while it boots", _booting, _processes("hosts/db01", "systemd-nspawn")),
    Moment(
        "the gateway's nginx, as soon as it runs",
        _runs("services/gateway", "nginx"),
        _processes("services/gateway", "nginx"),
    ),
)
"""Of `pulumi up` from nothing; the next `pulumi up` recovers."""

CONVERGE = (
    Moment("fab itself, while packages are installed", _runs("hosts/db01", "dpkg"), _itself),
    Moment("the supervisor, while packages are installed", _runs("hosts/web01", "dpkg"), _supervisor),
    Moment(
        "a host's nspawn, while it is converged",
        _runs("hosts/db01", "python3"),
        _processes("hosts/db01", "systemd-nspawn"),
    ),
)
"""Of `fab hosts.converge`; `fab rehearse` recovers, to GO."""

VERIFY = (
    Moment("the supervisor, in the middle of the suites", _said("test_base"), _supervisor),
    Moment(
        "the database host's nspawn, in the middle of the suites",
        _said("test_base"),
        _processes("hosts/db01", "systemd-nspawn"),
    ),
    Moment(
        "the gateway's nginx and HAProxy, in the middle of the suites",
        _said("test_base"),
        lambda stage, command: (
            stage.in_group("services/gateway", "nginx") + stage.in_group("services/gateway-balancer", "haproxy")
        ),
    ),
)
"""Of `fab verify.ready`, which must not say GO of what is gone; `fab rehearse` recovers, to GO."""

DOWN = (
    Moment("the engine, in the middle of a destroy", _fewer_hosts, _engine),
    Moment("the supervisor, while it stops hosts", _fewer_hosts, _supervisor),
    Moment("fab rehearsal.down itself, while hosts stop", _fewer_hosts, _itself),
)
"""Of `pulumi destroy` and `fab rehearsal.down`; the same command again completes it, and nothing is left."""
