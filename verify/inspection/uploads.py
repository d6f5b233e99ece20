"""Dropping files as the old hoster does: over SFTP from its vantage point.

If the stack names no such vantage point, they are written on the transfer host itself, as the old hoster's user.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from infra.inventory.model import Transfer
from landscape.names import TRANSFER_FOLDER
from landscape.parties import OLD_HOSTER
from verify.inspection.expectations import current
from verify.inspection.gathering import connect
from verify.inspection.probes import drop
from verify.inspection.run_probe import run_probe
from verify.inspection.waiting import wait_until

PLACE = OLD_HOSTER if OLD_HOSTER in current().inventory.vantage_points else ""
"""The vantage point from which files are dropped; empty if the stack names none."""
VERDICT_SECONDS = 60


def wanted() -> Transfer:
    """The stack's settings for its drop."""
    transfer = current().inventory.transfer
    assert transfer is not None, "the stack has no settings for its drop: see livegang:topology.transfer"
    return transfer


def send(host: Any, folder: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Drop a folder of files on a transfer host; returns the probe's answer.

    ``names``: drop only these, and do not try what the account must not be able to do.
    """
    inventory = current().inventory
    target = inventory.hosts[host.backend.hostname]
    request: dict[str, Any] = {
        "folder": folder,
        "user": wanted().user,
        "expansion": 2 * wanted().largest_file_mb * 2**20,
        "names": names,
    }
    if PLACE:
        request |= {
            "address": str(inventory.way_in.transfer_address),
            "host_key": target.host_keys[0],
            "inside": f"{target.address}:22",
        }
        over_sftp: dict[str, Any] = run_probe(connect(PLACE), drop, request)
        return over_sftp
    request |= {"local": f"{TRANSFER_FOLDER}/drop/incoming"}
    source = Path(str(drop.__file__)).read_text()
    written = host.run(f"sudo -n -u {wanted().user} python3 -c %s %s", source, json.dumps(request))
    assert written.rc == 0, f"no file could be dropped: {written.stderr.strip()}"
    locally: dict[str, Any] = json.loads(written.stdout)
    return locally


def lines_about(
    host: Any, folder: str, log: str, enough: int, seconds: float = VERDICT_SECONDS
) -> list[dict[str, Any]]:
    """The log's lines about a folder, once there are ``enough`` of them or the time is over."""
    command = f"sudo -n grep -F {shlex.quote(folder)} {log}"
    lines: list[str] = wait_until(
        lambda: host.run(command).stdout.splitlines(), lambda lines: len(lines) >= enough, seconds, every=0.5
    )
    return [json.loads(line) for line in lines]
