"""The delivery service's settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Times in seconds."""

    clean: Path
    """What the scanner found clean; read only."""
    server: str
    share: str
    credentials: Path
    """User and password as ``smbclient --authentication-file`` reads them."""
    log: Path
    """One JSON line per file."""
    state: Path
    """What was delivered, so that it is not asked for again; without it all is compared anew."""
    status: Path
    """Overwritten after every pass; holds no file's name."""
    scratch: Path
    """Folder for the pipe through which files are read back."""
    retry: float
    """After this time a refused file is tried again, and a share that was away no later than this."""


def read(path: Path) -> Settings:
    """Read the settings file, JSON. Raises KeyError and ValueError for what is missing or wrong in it."""
    document = json.loads(path.read_text())
    made = {"Path": Path, "str": str, "float": float}
    return Settings(**{field.name: made[str(field.type)](document[field.name]) for field in fields(Settings)})
