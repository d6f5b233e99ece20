"""What a failed check says about a systemd unit: its state and the end of its journal; and which units flap."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any


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
