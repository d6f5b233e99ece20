"""pgBackRest's stanza: made, checked with a segment that really arrives, and given its first backup."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from hosts.agent.host import Host
from hosts.agent.results import CommandError, Difference, OperationError
from hosts.states import BackupStanza

PROGRAM = "/usr/bin/pgbackrest"
NOT_YET = {
    "049": "a host does not answer",
    "050": "another pgBackRest is at work",
    "056": "no primary answers",
    "082": "no log segment arrived",
}
"""Errors, by pgBackRest's number, of a primary that is on its way; others do not get better by waiting."""
PATIENCE = "--io-timeout=10"
"""Seconds for a host that does not answer; the waiting is done here, where it can be reported and ended."""


def _known(state: BackupStanza, host: Host) -> dict[str, Any]:
    answer = host.run([PROGRAM, f"--stanza={state.stanza}", "--output=json", "info"], user=state.user)
    found: dict[str, Any] = next((row for row in json.loads(answer or "[]") if row["name"] == state.stanza), {})
    return found


def compare_stanza(state: BackupStanza, host: Host) -> list[Difference]:
    if not host.path(PROGRAM).exists() or not host.path(state.configuration).exists():
        return [Difference("no stanza")]
    known = _known(state, host)
    if not known.get("db"):
        return [Difference("no stanza")]
    return [] if any(not backup["error"] for backup in known["backup"]) else [Difference("no backup")]


def apply_stanza(state: BackupStanza, host: Host) -> None:
    """As soon as a primary is there: make the stanza, see a log segment arrive, make a full backup."""
    deadline = time.monotonic() + state.deadline
    _patiently(state, host, ["stanza-create"], deadline)
    _patiently(state, host, ["check"], deadline)
    if not any(not backup["error"] for backup in _known(state, host)["backup"]):
        host.note("making the first full backup")
        _patiently(state, host, ["--type=full", "backup"], deadline)


def _patiently(state: BackupStanza, host: Host, command: list[str], deadline: float) -> None:
    while True:
        given_up = state.primary_host in host.lost
        try:
            host.run([PROGRAM, f"--stanza={state.stanza}", PATIENCE, *command], user=state.user, timeout=24 * 3600)
        except CommandError as error:
            log = error.log or error.reason
            number = (re.findall(r"ERROR: \[(\d+)\]", log) or ["none"])[-1]
            what = f"pgBackRest's {command[-1]} failed"
            if number not in NOT_YET:
                raise OperationError(what, log) from error
            if given_up:
                lost = host.lost[state.primary_host]
                raise OperationError(
                    f"{state.primary_host} failed ({lost}), so there is nothing to back up", log
                ) from error
            if time.monotonic() > deadline:
                raise OperationError(f"{what}: {NOT_YET[number]}, for {state.deadline} s", log) from error
            host.note(f"waiting for the primary: {NOT_YET[number]}")
            time.sleep(0.5)
        else:
            return
