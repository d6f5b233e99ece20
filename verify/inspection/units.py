"""systemd units: whether they run and start at boot, why not, and which of them flap.

All units that suites ask about are looked at once on each host, in one command.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from console import counted
from verify.inspection.gathering import Gathering, batch
from verify.inspection.waiting import wait_until
from verify.report.evidence import NOTEBOOK

STARTING_SECONDS = 15.0
"""How long to wait for units that are still starting, e.g. just after a boot."""

_asked: set[str] = set()


@dataclass(frozen=True)
class Unit:
    """A unit's state as systemd shows it. A unit that does not exist is inactive and has no file state."""

    active: str
    """``active``, ``activating``, ``failed`` …"""
    sub_state: str
    """``running``, ``exited``, ``auto-restart`` …"""
    file_state: str
    """``enabled``, ``disabled``, ``static`` …"""


def ask_about(*names: str) -> None:
    """Have these units looked at on every host. Called while suites are imported, before anything is fetched."""
    _asked.update(names)


def is_running(host: Any, unit: str) -> bool:
    return _unit(host, unit).active == "active"


def is_enabled(host: Any, unit: str) -> bool:
    """Whether it starts at the next boot."""
    return _unit(host, unit).file_state == "enabled"


def _unit(host: Any, name: str) -> Unit:
    unit = UNITS.of(host.backend.hostname)[name]
    NOTEBOOK.note(f"systemctl show {name}", f"{unit.active} ({unit.sub_state}), {unit.file_state or 'no unit file'}")
    return unit


def look(host: Any) -> dict[str, Unit]:
    """All units that were asked about, by name, once none of them is starting any more."""
    return wait_until(
        lambda: units(batch(host, {"units": show(_asked)}).peek("units"), _asked),
        lambda found: not any(is_starting(unit) for unit in found.values()),
        STARTING_SECONDS,
    )


def is_starting(unit: Unit) -> bool:
    """Whether it will soon be in another state. One that waits for an automatic restart stays as it is."""
    return unit.active == "activating" and unit.sub_state != "auto-restart"


def show(names: set[str]) -> str:
    """The command that shows units, in alphabetical order; systemd loads those that are not loaded."""
    wanted = " ".join(shlex.quote(name) for name in sorted(names))
    return f"systemctl show --property=ActiveState,SubState,UnitFileState -- {wanted}"


def units(shown: str, names: set[str]) -> dict[str, Unit]:
    """The output of `show`, by unit."""
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.split("\n\n")]
    keys = ("ActiveState", "SubState", "UnitFileState")
    return {
        name: Unit(*(values.get(key, "") for key in keys)) for name, values in zip(sorted(names), blocks, strict=True)
    }


UNITS = Gathering("verify.test_base", look)


@dataclass(frozen=True)
class Service:
    """A service's state at one moment."""

    sub_state: str
    """``running``, ``exited``, ``auto-restart`` …"""
    restarts: int
    """How often systemd has restarted it automatically since it was last started by hand."""
    result: str
    """How it ended last time: ``success``, ``exit-code`` …"""


def services(shown: str) -> dict[str, Service]:
    """Services by unit, from `systemctl show` of Id, SubState, NRestarts and Result."""
    found = {}
    for block in shown.split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values and values.get("NRestarts", "").isdigit():
            found[values["Id"]] = Service(
                values.get("SubState", ""), int(values["NRestarts"]), values.get("Result", "")
            )
    return found


def flapping(before: dict[str, Service], after: dict[str, Service]) -> dict[str, str]:
    """The services that keep restarting, each with what was seen of it between two looks."""
    found = {}
    for unit, now in after.items():
        restarts = now.restarts - before.get(unit, now).restarts
        if restarts > 0:
            found[unit] = counted(restarts, "more restart")
        elif now.sub_state.startswith("auto-restart"):
            found[unit] = f"it ended with {now.result} and waits for its restart"
    return found


def explain(host: Any, unit: str, wanted: str = "running") -> str:
    """A message for an assertion: the unit's state in one sentence, then the end of its journal."""
    name = shlex.quote(unit)
    names = ("LoadState", "ActiveState", "SubState", "Result", "StateChangeTimestamp")
    shown = host.run("systemctl show -p %s %%s" % ",".join(names), unit).stdout.splitlines()  # noqa: UP031
    values = dict(line.partition("=")[::2] for line in shown)
    load, active, sub, result, since = (values.get(name, "") for name in names)
    if load == "not-found":
        return f"{unit} is not installed"
    sentence = f"{unit} is not {wanted}: {active} ({sub})"
    sentence += f", {result}" if result not in ("success", "") else ""
    journal = host.run(f"sudo -n journalctl -u {name} -n 15 --no-pager -o short-iso").stdout.strip()
    state = f"{active} since {since}" if since else active
    return f"{sentence}\n\n{unit}: {state}\nEnd of its journal:\n{journal}"
