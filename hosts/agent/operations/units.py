"""systemd units: enabled, running, and restarted or reloaded when what they read has changed."""

from __future__ import annotations

import time
from collections.abc import Callable

from hosts.agent.command_runner import log_end
from hosts.agent.host import Host
from hosts.agent.results import CommandError, Difference, OperationError
from hosts.states import Unit

MARKERS = "/run/livegang"
"""During a run, the units that still have to be restarted or reloaded. A run that is killed leaves
the mark, and the next one sees it; after a reboot there is none, and none is needed."""
CRASHING = 8.0
"""Seconds in which a service that ended by itself may yet come up (what it needs may be late)."""
SETTLED = 2.0
"""Seconds that a service must have run at the end of a run that started it."""
ENABLED = ("enabled", "enabled-runtime", "alias", "static", "generated", "indirect")


def mark(host: Host, identity: str) -> None:
    """Note, before a state is changed, which units have to follow."""
    for unit in host.units:
        for verb, names in (("restart", unit.restart_on), ("reload", unit.reload_on)):
            if identity in names:
                host.path(MARKERS).mkdir(mode=0o755, exist_ok=True)
                host.path(f"{MARKERS}/{unit.unit}.{verb}").touch()


def unmark(host: Host, unit: str) -> None:
    """The unit has followed."""
    for verb in ("restart", "reload"):
        host.path(f"{MARKERS}/{unit}.{verb}").unlink(missing_ok=True)
    folder = host.path(MARKERS)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def cause(state: Unit, host: Host) -> tuple[str, str] | None:
    """``restart`` or ``reload``, and the state that it follows, when one that the unit reads changes in this run."""
    for verb, names in (("restart", state.restart_on), ("reload", state.reload_on)):
        if causes := [name for name in names if name in host.touched]:
            return verb, causes[0]
    return None


def _left_over(state: Unit, host: Host) -> str | None:
    """``restart`` or ``reload``, when an interrupted run has not come to it."""
    marks = (verb for verb in ("restart", "reload") if host.path(f"{MARKERS}/{state.unit}.{verb}").exists())
    return next(marks, None) if cause(state, host) is None else None


def compare_unit(state: Unit, host: Host) -> list[Difference]:
    unit = host.facts.unit(state.unit)
    host.restarts.setdefault(state.unit, int(unit.get("NRestarts") or 0))
    if unit["LoadState"] in ("not-found", "bad-setting", "error"):
        return [Difference(f"systemd does not have it ({unit['LoadState']})")] if state.running or state.enabled else []
    differences = []
    if unit["NeedDaemonReload"] == "yes":
        differences.append(Difference("systemd has not read its changed files"))
    enabled = unit["UnitFileState"] in ENABLED
    if state.enabled is not None and enabled != state.enabled:
        differences.append(Difference(f"{unit['UnitFileState'] or 'not enabled'} instead of {_word(state.enabled)}"))
    running = unit["ActiveState"] in ("active", "reloading")
    if state.running is not None and running != state.running:
        now = f"{unit['ActiveState']} ({unit['SubState']})"
        differences.append(Difference(f"{now} instead of {'running' if state.running else 'stopped'}"))
    elif running and (verb := _left_over(state, host)):
        differences.append(Difference(f"an interrupted run has not come to its {verb}"))
    return differences


def read_units(host: Host) -> None:
    """Have systemd read its files anew."""
    host.run(["systemctl", "daemon-reload"])
    host.facts.forget_units()
    host.units_are_read = True


def _word(enabled: bool) -> str:
    return "enabled" if enabled else "disabled"


def apply_unit(state: Unit, host: Host) -> None:
    """Bring the unit to its state, and let it follow what changed."""
    if not host.units_are_read:
        read_units(host)
    unit = host.facts.unit(state.unit)
    if unit["LoadState"] == "masked" and (state.enabled or state.running):
        host.run(["systemctl", "unmask", state.unit])
    if state.enabled is not None and (unit["UnitFileState"] in ENABLED) != state.enabled:
        host.run(["systemctl", "--no-reload", "enable" if state.enabled else "disable", state.unit])
    running = unit["ActiveState"] in ("active", "reloading")
    if state.running is False:
        if unit["ActiveState"] != "inactive":
            _change(state, host, "stop")
    elif state.running and not running:
        # Also one that failed too often to be started again.
        if unit["ActiveState"] == "failed":
            host.run(["systemctl", "reset-failed", state.unit])
        _change(state, host, "restart")
    elif running and (verb := (cause(state, host) or (_left_over(state, host),))[0]):
        _change(state, host, verb)
    unmark(host, state.unit)
    host.facts.forget_units([state.unit])


def ended_since(host: Host, lost: set[str]) -> list[tuple[Unit, str, str]]:
    """Units that ran at their turn and do not any more, or were started again by systemd since: with reason and log.

    ``lost``: identities of those that failed already.
    """
    wanted = [unit for unit in host.units if unit.running and unit.identity not in lost]
    if not wanted:
        return []
    if host.started is not None:
        time.sleep(max(0.0, host.started + SETTLED - time.monotonic()))
    before = {unit.unit: host.restarts.get(unit.unit, 0) for unit in wanted}
    host.facts.forget_units()
    found = []
    for state in wanted:
        unit = host.facts.unit(state.unit)
        restarts = int(unit.get("NRestarts") or 0) - before[state.unit]
        if unit["ActiveState"] not in ("active", "reloading"):
            found.append((state, f"it did not stay up: {_explanation(state, host)}", _journal(state, host)))
        elif restarts > 0:
            times = "once" if restarts == 1 else f"{restarts} times"
            reason = f"it ends again and again: systemd started it {times} more since this run looked at it"
            found.append((state, reason, _journal(state, host)))
    return found


def _change(state: Unit, host: Host, verb: str) -> None:
    if state.check and verb != "stop":
        host.run(state.check)
    host.note(f"{verb} {state.unit}")
    host.restarts.pop(state.unit, None)
    host.started = time.monotonic()
    # A unit that others pull in may have stopped because of what was fixed since; a start limit would refuse it.
    try:
        host.run(["systemctl", verb, state.unit], timeout=state.deadline)
    except CommandError as error:
        raise OperationError(
            f"{verb} failed: {_explanation(state, host)}", _journal(state, host) or error.log
        ) from error
    if verb == "stop":
        return
    _until(state, host, lambda: _active(state, host), "is not active")
    if state.port is not None:
        _until(
            state,
            host,
            lambda: _active(state, host) and listens(host, state),
            f"does not listen on port {state.port}",
        )


def _active(state: Unit, host: Host) -> bool:
    host.facts.forget_units([state.unit])
    unit = host.facts.unit(state.unit)
    if unit["ActiveState"] in ("failed", "inactive"):
        raise OperationError(f"it does not stay up: {_explanation(state, host)}", _journal(state, host))
    return unit["ActiveState"] in ("active", "reloading")


def _until(state: Unit, host: Host, condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + state.deadline
    crashed: float | None = None
    while not condition():
        if host.facts.unit(state.unit)["SubState"] == "auto-restart":
            crashed = crashed or time.monotonic()
            if time.monotonic() - crashed >= CRASHING:
                raise OperationError(f"it ends again and again: {_explanation(state, host)}", _journal(state, host))
        if time.monotonic() > deadline:
            reason = f"it {otherwise} after {state.deadline} s: {_explanation(state, host)}"
            raise OperationError(reason, _journal(state, host))
        time.sleep(0.1)


def _explanation(state: Unit, host: Host) -> str:
    host.facts.forget_units([state.unit])
    unit = host.facts.unit(state.unit)
    result = "" if unit["Result"] in ("success", "") else f", result {unit['Result']}"
    if unit["ConditionResult"] == "no":
        result += ", a condition of the unit is not met"
    return f"systemd says {unit['ActiveState']} ({unit['SubState']}){result}"


def _journal(state: Unit, host: Host) -> str:
    command = ["journalctl", "--no-pager", "--lines=20", "--output=short", "--unit", state.unit]
    return log_end(host.run(command, accept=range(256)))


def listens(host: Host, state: Unit) -> bool:
    """True when a process of the unit itself listens on its port: another's would answer in its place."""
    sockets = {f"socket:[{inode}]" for inode in _listening(host, state.port or 0)}
    group = host.run(["systemctl", "show", "--property=ControlGroup", "--value", "--", state.unit]).strip()
    if not host.path("/sys/fs/cgroup/cgroup.controllers").exists():
        return bool(sockets)  # A host without (unified) control groups: nothing shows whose process is whose.
    processes = host.path(f"/sys/fs/cgroup{group}/cgroup.procs")
    if not group or not processes.exists():
        return False
    return any(_holds(host, process, sockets) for process in processes.read_text().split())


def _listening(host: Host, port: int) -> set[str]:
    """Inodes of the sockets that listen on a TCP port."""
    rows = []
    for table in ("tcp", "tcp6"):
        file = host.path(f"/proc/net/{table}")
        rows += [line.split() for line in file.read_text().splitlines()[1:]] if file.exists() else []
    return {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}


def _holds(host: Host, process: str, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in host.path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False  # It ended just now.
