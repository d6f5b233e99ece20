"""What a failed check says about a systemd unit: its state and the end of its journal."""

from __future__ import annotations

import shlex
from typing import Any


def explain(host: Any, unit: str, wanted: str = "running") -> str:
    """A message for an assertion: one sentence with the unit's state, then why, as the host tells it."""
    name = shlex.quote(unit)
    shown = host.run(
        "systemctl show -P LoadState -P ActiveState -P SubState -P Result -P StateChangeTimestamp %s", unit
    ).stdout.splitlines()
    load, active, sub, result, since = (shown + [""] * 5)[:5]
    if load == "not-found":
        return f"{unit} is not installed"
    sentence = f"{unit} is not {wanted}: {active} ({sub})"
    sentence += f" since {since}" if since else ""
    sentence += f", {result}" if result not in ("success", "") else ""
    journal = host.run(f"sudo -n journalctl -u {name} -n 15 --no-pager -o short-iso").stdout.strip()
    return f"{sentence}\n\nEnd of its journal:\n{journal}"
