"""The provider's own memory between runs: which resource of which program each ARM id is, and what it refers to.

One JSON file below PULUMI_HOME, shared by provider processes (a lock on a file beside it) and replaced whole. It
holds no secret.

Two questions are answered from it. Whether a resource that exists already is the leftover of an interrupted `up`:
the engine asks to create it although it exists, because it was killed before it noted the answer. Such an entry is
not `settled`: no run that made it came to its end, and the engine never spoke of it again. It is adopted, where the
real provider says "cannot create already existing resource", as the stand-in does with any other. (Pulumi asks to
create a settled one too: for `--target-replace` without `delete_before_replace`, and would then delete it.)

And who uses a resource, for what Azure refuses to delete or to change while it is used.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.provider.values import Properties, strings


@dataclass
class Entry:
    """One resource."""

    identifier: str
    type: str
    urn: str
    references: list[str] = field(default_factory=list)
    """ARM ids in its properties, in lower case."""
    properties: Properties | None = None
    """On paper only: what was put, without secrets."""
    settled: bool = False
    """Whether the engine is known to have it in its state."""
    observed: Properties = field(default_factory=dict)
    """On paper only: what the stand-in gave it, e.g. a public address."""


class Ledger:
    """Entries by ARM id; letter case does not matter."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._guard = threading.Lock()

    def find(self, identifier: str) -> Entry | None:
        with self._opened() as entries:
            return entries.get(identifier.lower())

    def of_type(self, token: str) -> list[Entry]:
        with self._opened() as entries:
            return [entry for entry in entries.values() if entry.type == token]

    def users(self, identifier: str) -> list[Entry]:
        """The other resources whose properties name this one or a part of it."""
        wanted = identifier.lower()
        with self._opened() as entries:
            return [
                entry
                for key, entry in entries.items()
                if key != wanted and any(r == wanted or r.startswith(wanted + "/") for r in entry.references)
            ]

    def note(self, entry: Entry) -> None:
        with self._opened(write=True) as entries:
            entries[entry.identifier.lower()] = entry

    def settle(self, identifiers: set[str]) -> None:
        """Note that the engine has these in its state."""
        wanted = {identifier.lower() for identifier in identifiers}
        if not any(not entry.settled for key, entry in self._all().items() if key in wanted):
            return
        with self._opened(write=True) as entries:
            for key in wanted & entries.keys():
                entries[key].settled = True

    def _all(self) -> dict[str, Entry]:
        with self._opened() as entries:
            return entries

    def forget(self, identifier: str) -> None:
        with self._opened(write=True) as entries:
            entries.pop(identifier.lower(), None)

    @contextmanager
    def changing(self) -> Iterator[dict[str, Entry]]:
        """All entries by id in lower case, written back at the end; nobody else reads or writes meanwhile."""
        with self._opened(write=True) as entries:
            yield entries

    @contextmanager
    def _opened(self, *, write: bool = False) -> Iterator[dict[str, Entry]]:
        with self._guard:
            if not write and not self.file.exists():
                yield {}
                return
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with self.file.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                entries = self._read()
                yield entries
                if write:
                    self._write(entries)

    def _read(self) -> dict[str, Entry]:
        if not self.file.exists():
            return {}
        loaded: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        return {key: Entry(**value) for key, value in loaded.items()}

    def _write(self, entries: dict[str, Entry]) -> None:
        text = json.dumps({key: asdict(entry) for key, entry in entries.items()}, indent=1)
        new = self.file.with_suffix(f".{os.getpid()}.new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.file)


def references(properties: Properties) -> list[str]:
    """The ARM ids anywhere in the properties, in lower case."""
    return sorted({text.lower() for text in strings(properties) if text.startswith("/subscriptions/")})
