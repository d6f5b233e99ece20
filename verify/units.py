"""What a failed check says about a systemd unit: its state and the end of its journal."""

from __future__ import annotations

import shlex
from typing import Any


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
