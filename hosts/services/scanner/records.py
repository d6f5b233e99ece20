"""What the service leaves behind: one line per file, what it must remember, and how it is."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

BEAT = 5.0
"""Seconds."""


class Log:
    """JSON lines, each on disk before the file it is about is released. Names in it are escaped."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, **fields: object) -> None:
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields})
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            os.write(descriptor, line.encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace(path: Path, document: Mapping[str, object], mode: int = 0o600) -> None:
    """Write JSON and rename it: a reader sees the old file or the new one, never a partial one."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, mode)  # whatever the process' mask
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


class Status:
    """How a service says that it is; a service that hangs shows by the time in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fields: dict[str, object] = {}
        self._written = 0.0

    def update(self, **fields: object) -> None:
        """What a pass came to."""
        self._fields = fields
        self._written = time.monotonic()
        replace(self._path, {"at": time.time(), **fields}, mode=0o644)

    def beat(self) -> None:
        """Within a pass: it is at work still."""
        if self._fields and time.monotonic() - self._written > BEAT:
            self.update(**self._fields)


class Memory:
    """Which paths of unfinished manifests were scanned, and at which files the service was interrupted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        document = json.loads(path.read_text()) if path.exists() else {}
        self.judged: set[str] = set(document.get("judged", []))
        self.interrupted: dict[str, int] = dict(document.get("interrupted", {}))

    def note(self, path: str) -> None:
        self.judged.add(path)
        self.interrupted.pop(path, None)
        self.save()

    def save(self) -> None:
        replace(self._path, {"judged": sorted(self.judged), "interrupted": self.interrupted})
