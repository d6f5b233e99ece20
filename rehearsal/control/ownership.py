"""Whose rehearsal a state folder holds: it belongs to one clone and one user."""

from __future__ import annotations

import json
import os
import pwd
from dataclasses import asdict, dataclass
from pathlib import Path

from console import ExpectedError
from rehearsal.base.settings import Settings
from toolchain.files import write_atomically
from toolchain.folders import PROJECT


@dataclass(frozen=True)
class Owner:
    project: str
    """Folder of the clone."""
    uid: int

    @classmethod
    def us(cls) -> Owner:
        return cls(str(PROJECT), os.geteuid())


def owner(settings: Settings) -> Owner | None:
    """Who has claimed the state folder; None if no one has."""
    file = _file(settings)
    return Owner(**json.loads(file.read_bytes())) if file.exists() else None


def check(settings: Settings) -> None:
    """Raise ExpectedError when the state folder belongs to another clone that still exists, or to another user."""
    found = owner(settings)
    if found is None or found == Owner.us():
        return
    if found.uid != os.geteuid():
        raise ExpectedError(
            f"The rehearsal in {settings.state} belongs to user {_user(found.uid)}.",
            hint="Work as that user, or name another folder in LIVEGANG_STATE.",
        )
    if Path(found.project).is_dir():
        raise ExpectedError(
            f"The rehearsal in {settings.state} belongs to the clone {found.project}, not to {PROJECT}.",
            hint=f"Bring it down there (cd {found.project} && fab rehearsal.down), "
            "or name another folder in LIVEGANG_STATE.",
        )


def claim(settings: Settings) -> None:
    """Make the state folder ours, or refuse as `check` does."""
    check(settings)
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    if owner(settings) != Owner.us():
        write_atomically(_file(settings), json.dumps(asdict(Owner.us())).encode())


def release(settings: Settings) -> None:
    _file(settings).unlink(missing_ok=True)


def _file(settings: Settings) -> Path:
    return settings.state / "owner.json"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
