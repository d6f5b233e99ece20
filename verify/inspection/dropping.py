"""Dropping files as the old hoster does it: over SFTP from its vantage point.

Where the stack names no such vantage point, they are written on the transfer host itself, as the old hoster's user.
"""

from __future__ import annotations

import json
import shlex
import time
from pathlib import Path
from typing import Any

from infra.inventory.model import Transfer
from verify.inspection.expectations import current
from verify.inspection.gathering import connect, pause
from verify.inspection.probes import drop
from verify.inspection.probing import run_probe

PLACE = "old-hoster" if "old-hoster" in current().inventory.vantage_points else ""
"""From where files are dropped as the old hoster does it."""
FOLDER = "/srv/transfer"
LOG = "/var/log/transfer-scanner/files.log"
VERDICT_SECONDS = 60


def wanted() -> Transfer:
    """What the stack says about its drop."""
    transfer = current().inventory.transfer
    assert transfer is not None, "the stack says nothing about its drop: see livegang:topology.transfer"
    return transfer


def send(host: Any, folder: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Drop a folder of files on a transfer host; the probe's answer. ``names``: these alone, and no more is tried."""
    inventory = current().inventory
    target = inventory.hosts[host.backend.hostname]
    orders: dict[str, Any] = {
        "folder": folder,
        "user": wanted().user,
        "expansion": 2 * wanted().largest_file_mb * 2**20,
        "names": names,
    }
    if PLACE:
        orders |= {
            "address": str(inventory.way_in.transfer_address),
            "host_key": target.host_keys[0],
            "inside": f"{target.address}:22",
        }
        over_sftp: dict[str, Any] = run_probe(connect(PLACE), drop, orders)
        return over_sftp
    orders |= {"local": f"{FOLDER}/drop/incoming"}
    source = Path(str(drop.__file__)).read_text()
    written = host.run(f"sudo -n -u {wanted().user} python3 -c %s %s", source, json.dumps(orders))
    assert written.rc == 0, f"nothing could be dropped: {written.stderr.strip()}"
    locally: dict[str, Any] = json.loads(written.stdout)
    return locally


def lines_about(
    host: Any, folder: str, log: str, enough: int, seconds: float = VERDICT_SECONDS
) -> list[dict[str, Any]]:
    """The log's lines on a folder, once there are ``enough`` of them or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        lines = host.run(f"sudo -n grep -F {shlex.quote(folder)} {log}").stdout.splitlines()
        if len(lines) >= enough or time.monotonic() > deadline:
            return [json.loads(line) for line in lines]
        pause(0.5)  # then look again, until the deadline
