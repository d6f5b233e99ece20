"""The service's settings: folders, limits, where clamd listens."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Sizes in bytes, times in seconds."""

    folder: Path
    """Holds ``drop/incoming``, ``work``, ``clean``, ``infected``, ``unclear`` and ``manifests``, on one file system."""
    clamd: Path
    """clamd's socket."""
    log: Path
    """One JSON line per file."""
    state: Path
    """What must outlive the service: which files of unfinished manifests were scanned."""
    status: Path
    """Overwritten after every pass; holds no file's name."""
    largest_file: int
    """Larger files are not scanned, and so never clean."""
    largest_expansion: int
    """Bytes an archive may expand to, all members and what is nested in them together."""
    settle: float
    """A file that changed less long ago is still being written."""
    patience: float
    """Quiet time of the whole drop after which what still waits for a manifest or the right sum is set aside."""
    signed: bool
    """True where ClamAV's own signed database is wanted, and not only signatures of our own."""
    oldest_signatures: float
    """Age of the signed database from which on nothing is scanned."""

    @property
    def incoming(self) -> Path:
        return self.folder / "drop" / "incoming"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"


def read(path: Path) -> Settings:
    """Read the settings file, JSON. Raises KeyError and ValueError for what is missing or wrong in it."""
    document = json.loads(path.read_text())
    made = {"Path": Path, "int": int, "float": float, "bool": bool}
    return Settings(**{field.name: made[str(field.type)](document[field.name]) for field in fields(Settings)})
