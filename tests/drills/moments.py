"""The moments: in which phase, what is waited for, what is killed. Each waits for a real condition, never for time."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal.base.cgroups import Cgroup
from tests.drills.stage import Command, Moment, Stage


def _begun(part: str) -> Callable[[Stage, Command], object]:
    """The making of a resource of this type was begun."""
    return lambda stage, command: any(f"/{part}/" in identifier for identifier in stage.made())


def booting(stage: Stage, command: Command) -> object:
    return [name for name, state in stage.hosts().items() if state == "starting"]


def _runs(place: str, name: str) -> Callable[[Stage, Command], object]:
    return lambda stage, command: stage.in_group(place, name)


def _processes(place: str, name: str) -> Callable[[Stage, Command], list[int]]:
    return lambda stage, command: stage.in_group(place, name)


def _said(text: str) -> Callable[[Stage, Command], object]:
    return lambda stage, command: text in command.said


def engine(stage: Stage, command: Command) -> list[int]:
    return stage.engine()


def provider(stage: Stage, command: Command) -> list[int]:
    return stage.provider()


def supervisor(stage: Stage, command: Command) -> list[int]:
    return stage.supervisor_process()


def _itself(stage: Stage, command: Command) -> list[int]:
    return [command.process.pid]


def fewer_hosts(stage: Stage, command: Command) -> object:
    """A host has no process any more."""
    return [path for path in (stage.group / "hosts").glob("*/") if not Cgroup(path).populated()] or (
        len(list((stage.group / "hosts").glob("*/"))) < stage.wanted_hosts
    )


UP = (
    Moment("the engine, when the first network is made", _begun("virtualNetworks"), engine),
    Moment("the engine, while hosts boot", booting, engine),
    Moment("the provider, while hosts boot", booting, provider),
    Moment("the supervisor, while hosts boot", booting, supervisor),
    Moment("a host's nspawn, while it boots", booting, _processes("hosts/db01", "systemd-nspawn")),
    Moment(
        "the gateway's nginx, as soon as it runs",
        _runs("services/gateway", "nginx"),
        _processes("services/gateway", "nginx"),
    ),
)
"""Of `pulumi up` from nothing; the next `pulumi up` recovers."""

CONVERGE = (
    Moment("fab itself, while packages are installed", _runs("hosts/db01", "dpkg"), _itself),
    Moment("the supervisor, while the agents work", _runs("hosts/web01", "sudo"), supervisor),
    Moment(
        "a host's nspawn, while its agent works",
        _runs("hosts/db01", "sudo"),
        _processes("hosts/db01", "systemd-nspawn"),
    ),
)
"""Of `fab hosts.converge`, in a row; `pulumi up --refresh` recovers, after the last one `fab rehearse`, to GO."""

VERIFY = (
    Moment("the supervisor, in the middle of the suites", _said("checking base"), supervisor),
    Moment(
        "the database host's nspawn, in the middle of the suites",
        _said("checking base"),
        _processes("hosts/db01", "systemd-nspawn"),
    ),
    Moment(
        "the gateway's nginx and HAProxy, in the middle of the suites",
        _said("checking base"),
        lambda stage, command: (
            stage.in_group("services/gateway", "nginx") + stage.in_group("services/gateway-balancer", "haproxy")
        ),
    ),
)
"""Of `fab verify.ready`, which must not say GO of what is gone; `fab rehearse` recovers, to GO."""

REST = (Moment("the supervisor, while no command runs", lambda stage, command: True, supervisor),)

DOWN = (
    Moment("the engine, in the middle of a destroy", fewer_hosts, engine),
    Moment("the supervisor, while it stops hosts", fewer_hosts, supervisor),
    Moment("fab rehearsal.down itself, while hosts stop", fewer_hosts, _itself),
)
"""Of `pulumi destroy` and `fab rehearsal.down`; the same command again completes it, and nothing is left."""
