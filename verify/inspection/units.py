"""systemd units: whether they run and come back after a boot, why not, and which of them flap.

All that suites ask about are looked at once a host, in one command.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from typing import Any

from verify.inspection.gathering import Gathering, batch, pause
from verify.report.evidence import NOTEBOOK

SETTLING_SECONDS = 15.0
"""For units that are still starting when they are looked at, e.g. just after a boot."""

_asked: set[str] = set()


@dataclass(frozen=True)
class Unit:
    """A unit's state as systemd shows it; one that does not exist is inactive, and its file has no state."""

    active: str
    """``active``, ``activating``, ``failed`` …"""
    sub_state: str
    """``running``, ``exited``, ``auto-restart`` …"""
    file_state: str
    """``enabled``, ``disabled``, ``static`` …"""


def ask_about(*names: str) -> None:
    """Let these units be looked at on every host. Called where suites are imported, before anything is looked at."""
    _asked.update(names)


def is_running(host: Any, unit: str) -> bool:
    return _unit(host, unit).active == "active"


def is_enabled(host: Any, unit: str) -> bool:
    """Whether the next boot starts it by itself."""
    return _unit(host, unit).file_state == "enabled"


def _unit(host: Any, name: str) -> Unit:
    unit = UNITS.of(host.backend.hostname)[name]
    NOTEBOOK.note(f"systemctl show {name}", f"{unit.active} ({unit.sub_state}), {unit.file_state or 'no unit file'}")
    return unit


def look(host: Any) -> dict[str, Unit]:
    """All units that were asked about, by name, once none of them is starting any more."""
    deadline = time.monotonic() + SETTLING_SECONDS
    while True:
        found = units(batch(host, {"units": show(_asked)}).quietly("units"), _asked)
        starting = [unit for unit in found.values() if unit.active == "activating" and unit.sub_state != "auto-restart"]
        if not starting or time.monotonic() > deadline:
            return found
        pause(1)


def show(names: set[str]) -> str:
    """The command that shows units in alphabetical order; one that is not loaded is loaded for it."""
    wanted = " ".join(shlex.quote(name) for name in sorted(names))
    return f"systemctl show --property=ActiveState,SubState,UnitFileState -- {wanted}"


def units(shown: str, names: set[str]) -> dict[str, Unit]:
    """What `show` said, by unit."""
    blocks = [dict(line.partition("=")[::2] for line in block.splitlines()) for block in shown.split("\n\n")]
    keys = ("ActiveState", "SubState", "UnitFileState")
    return {
        name: Unit(*(values.get(key, "") for key in keys)) for name, values in zip(sorted(names), blocks, strict=True)
    }


UNITS = Gathering("verify.test_base", look)


@dataclass(frozen=True)
class Service:
    """A service at one moment."""

    sub_state: str
    """``running``, ``exited``, ``auto-restart`` …"""
    restarts: int
    """How often systemd has started it again by itself since somebody started it."""
    result: str
    """How it ended the last time: ``success``, ``exit-code`` …"""


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
    """Those that end again and again, each with what was seen of it, between two looks."""
    found = {}
    for unit, now in after.items():
        restarts = now.restarts - before.get(unit, now).restarts
        if restarts > 0:
            found[unit] = f"{restarts} more restart{'' if restarts == 1 else 's'}"
        elif now.sub_state.startswith("auto-restart"):
            found[unit] = f"it has ended with {now.result} and waits to be started again"
    return found


def explain(host: Any, unit: str, wanted: str = "running") -> str:
    """A message for an assertion: one sentence with the unit's state, then why, as the host tells it."""
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
