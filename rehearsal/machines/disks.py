"""compute:Disk: a sparse file behind a loop device, whose content outlives the machines it is attached to."""

from __future__ import annotations

import threading
from pathlib import Path

from rehearsal.base import loops
from rehearsal.base.handler import HandlerError, Log, Properties
from rehearsal.base.loops import Loop

GIB = 1024**3


class Disks:
    """The managed disks, by ARM id; also the handler of their type."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._loops: dict[str, Loop] = {}

    def device(self, identifier: str) -> Path:
        """The block device of a disk; raises HandlerError when there is no such disk."""
        with self._lock:
            loop = self._loops.get(identifier.lower())
        if loop is None:
            raise HandlerError(f"There is no disk {identifier} to attach.")
        return loop.device

    def attached(self) -> list[Loop]:
        """The disks that there are."""
        with self._lock:
            return list(self._loops.values())

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        size = int(properties.get("diskSizeGB") or 0) * GIB
        if size <= 0:
            raise HandlerError(f"{identifier}: diskSizeGB is missing, and an empty disk needs a size.")
        file = self._file(identifier)
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            before = file.stat().st_size if file.exists() else 0
            if not file.exists() and (lost := self._loops.pop(identifier.lower(), None)):
                lost.close()
            if size < before:
                raise HandlerError(f"{identifier}: a disk of {before // GIB} GiB cannot shrink to {size // GIB} GiB.")
            with open(file, "ab") as opened:
                opened.truncate(size)
            file.chmod(0o600)
            if identifier.lower() not in self._loops:
                self._loops[identifier.lower()] = loops.attach(file)
            elif size > before:
                self._loops[identifier.lower()].grow()
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        file = self._file(identifier)
        if not file.exists() or identifier.lower() not in self._loops:
            return None
        return {"diskSizeGB": file.stat().st_size // GIB}

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        with self._lock:
            if loop := self._loops.pop(identifier.lower(), None):
                loop.close()
            self._file(identifier).unlink(missing_ok=True)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Attach it again. A disk whose file is gone stays gone, and is found missing by the next refresh."""
        if self._file(identifier).exists():
            with self._lock:
                self._loops[identifier.lower()] = loops.attach(self._file(identifier))

    def _file(self, identifier: str) -> Path:
        return self._folder / f"{identifier.rsplit('/', 1)[-1]}.img"
