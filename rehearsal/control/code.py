"""Which code a supervisor runs: it outlives the command that started it, and so may outlive a `git pull`."""

from __future__ import annotations

import functools
import hashlib
import json

from rehearsal.base.settings import Settings
from toolchain.folders import PROJECT

NOT_THE_SUPERVISORS = ("provider", "control")
"""Parts of rehearsal/ that only other processes run, each of which is started anew with every command."""

UNKNOWN = "of before this was noted"


@functools.cache
def fingerprint() -> str:
    """A digest of the code that a supervisor started now would run."""
    folder = PROJECT / "rehearsal"
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        name = file.relative_to(folder)
        if name.parts[0] not in NOT_THE_SUPERVISORS:
            digest.update(f"{name}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def started_with(settings: Settings) -> str | None:
    """The fingerprint that the supervisor of this rehearsal was started with; None where nothing is known of one."""
    try:
        about = json.loads((settings.runtime / "supervisor.json").read_bytes())
    except FileNotFoundError:
        return None
    return str(about.get("code", UNKNOWN))
