"""What the rehearsal was asked to make: one JSON file per resource, so that it can be made again after a kill.

The files are readable by their owner only. ``osProfile.customData`` is never kept: it holds a host's private
keys and is needed at the first boot alone; its digest stays, so that one can see whether it is the same.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from toolchain.files import write_atomically

Properties = dict[str, Any]

FORGOTTEN = (("osProfile", "customData"), ("osProfile", "adminPassword"), ("properties", "value"))
"""Paths of properties whose values are replaced by their digest."""


@dataclass(frozen=True)
class Record:
    """One resource as it was last asked for."""

    type: str
    """Pulumi's token, e.g. ``azure-native:compute:VirtualMachine``."""
    id: str
    """ARM resource id, spelled as the provider spelled it."""
    properties: Properties
    observed: Properties = field(default_factory=dict)
    """What its handler answered."""
    complete: bool = True
    """False while it is made for the first time, and after that failed."""

    @property
    def name(self) -> str:
        """The last part of the id."""
        return self.id.rsplit("/", 1)[-1]


def full_token(token: str) -> str:
    """``compute:Disk`` and ``azure-native:compute:Disk`` are the same type; this is the longer form."""
    return token if token.startswith("azure-native:") else f"azure-native:{token}"


class Records:
    """All records of one rehearsal. Ids are compared without regard to case, as ARM does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._records = {record.id.lower(): record for record in self._read()}

    def get(self, identifier: str) -> Record | None:
        with self._lock:
            return self._records.get(identifier.lower())

    def of_type(self, token: str) -> list[Record]:
        """The records of a type, by id; also those not complete yet."""
        wanted = full_token(token)
        return [record for record in self.all() if record.type == wanted]

    def all(self) -> list[Record]:
        with self._lock:
            return sorted(self._records.values(), key=lambda record: record.id.lower())

    def find(self, token: str, matches: Callable[[Record], bool]) -> Record | None:
        """The first record of the type that matches."""
        return next(filter(matches, self.of_type(token)), None)

    def put(self, record: Record) -> None:
        kept = replace(record, type=full_token(record.type), properties=_without_secrets(record.properties))
        content = json.dumps(asdict(kept), indent=1, sort_keys=True, ensure_ascii=False).encode()
        with self._lock:
            write_atomically(self._file(record.id), content)
            self._records[record.id.lower()] = kept

    def delete(self, identifier: str) -> None:
        with self._lock:
            self._file(identifier).unlink(missing_ok=True)
            self._records.pop(identifier.lower(), None)

    def _file(self, identifier: str) -> Path:
        return self._folder / f"{hashlib.sha256(identifier.lower().encode()).hexdigest()[:32]}.json"

    def _read(self) -> list[Record]:
        return [Record(**json.loads(path.read_bytes())) for path in self._folder.glob("[!.]*.json")]


def _without_secrets(properties: Properties) -> Properties:
    for *parents, last in FORGOTTEN:
        parent: Any = properties
        for part in parents:
            parent = parent.get(part) if isinstance(parent, dict) else None
        if not isinstance(parent, dict) or not isinstance(parent.get(last), str):
            continue
        if parent[last].startswith("sha256:"):
            continue
        properties = json.loads(json.dumps(properties))
        target = properties
        for part in parents:
            target = target[part]
        target[last] = f"sha256:{hashlib.sha256(target[last].encode()).hexdigest()}"
    return properties
