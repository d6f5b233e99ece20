"""The provider's own memory between runs: which resource of which program each ARM id is, and what it refers to.

One JSON file below PULUMI_HOME, shared by provider processes (a lock file is next to it) and replaced atomically. It
holds no secret.

Two questions are answered from it. Whether a resource that exists already is the leftover of an interrupted `up`:
the engine asks to create it although it exists, because it was killed before it noted the answer. Such an entry is
not `settled`: no run that made it came to its end, and the engine never spoke of it again. It is adopted, where the
real provider says "cannot create already existing resource", as the stand-in does with any other. (Pulumi asks to
create a settled one too: for `--target-replace` without `delete_before_replace`, and would then delete it.)

And who uses a resource, for what Azure refuses to delete or to change while it is used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rehearsal.base.locking import exclusive
from rehearsal.provider.values import Properties, strings
from toolchain.files import write_atomically


@dataclass(frozen=True)
class Entry:
    """One resource."""

    identifier: str
    type: str
    urn: str
    references: list[str] = field(default_factory=list)
    """ARM ids in its properties, in lower case."""
    outputs: Properties = field(default_factory=dict)
    """The outputs after it was last put, without secrets: what a refresh compares what it finds with."""
    settled: bool = False
    """Whether the engine is known to have it in its state."""
    made: bool = False
    """Offline only: whether it was put."""
    observed: Properties = field(default_factory=dict)
    """Offline only: what the stand-in gave it, e.g. a public address."""


class Ledger:
    """Entries by ARM id; letter case does not matter."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._guard = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._version: tuple[int, int, int] | None = None

    def find(self, identifier: str) -> Entry | None:
        return self.all().get(identifier.lower())

    def users(self, identifier: str) -> list[Entry]:
        """The other resources whose properties name this one or a part of it."""
        wanted = identifier.lower()
        return [
            entry
            for key, entry in self.all().items()
            if key != wanted and any(r == wanted or r.startswith(f"{wanted}/") for r in entry.references)
        ]

    def begin(self, identifier: str, token: str, urn: str, named: list[str]) -> None:
        """Note that a resource is about to be made; what is noted of it already is kept."""
        found = self.find(identifier)
        entry = replace(found or Entry(identifier, token, urn), urn=urn, references=named)
        if entry != found:
            with self.changing() as entries:
                entries[identifier.lower()] = entry

    def complete(self, identifier: str, outputs: Properties) -> None:
        """Note the outputs of a resource that was made."""
        with self.changing() as entries:
            entries[identifier.lower()] = replace(entries[identifier.lower()], outputs=outputs)

    def settle(self, identifiers: set[str]) -> None:
        """Note that the engine has these in its state."""
        entries = self.all()
        found = {key for key in (i.lower() for i in identifiers) if key in entries and not entries[key].settled}
        if not found:
            return
        with self.changing() as entries:
            entries.update({key: replace(entries[key], settled=True) for key in found & entries.keys()})

    def forget(self, identifier: str) -> None:
        if self.find(identifier) is not None:
            with self.changing() as entries:
                entries.pop(identifier.lower(), None)

    def all(self) -> dict[str, Entry]:
        """All entries by id in lower case, for reading only."""
        with self._guard:
            return self._read()

    @contextmanager
    def changing(self) -> Iterator[dict[str, Entry]]:
        """All entries by id in lower case, written back at the end; no one else writes in the meantime.

        Replace entries, do not change them: readers have them too.
        """
        with self._guard:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with exclusive(self.file.with_suffix(".lock")):
                entries = dict(self._read())
                yield entries
                self._write(entries)

    def _read(self) -> dict[str, Entry]:
        try:
            status = self.file.stat()
        except FileNotFoundError:
            return {}
        # The file is only ever replaced: another version is another inode.
        version = (status.st_ino, status.st_mtime_ns, status.st_size)
        if version != self._version:
            loaded: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
            self._entries = {key: Entry(**value) for key, value in loaded.items()}
            self._version = version
        return self._entries

    def _write(self, entries: dict[str, Entry]) -> None:
        text = json.dumps({key: vars(entry) for key, entry in entries.items()})
        write_atomically(self.file, text.encode())
        status = self.file.stat()
        self._entries, self._version = entries, (status.st_ino, status.st_mtime_ns, status.st_size)


def references(properties: Properties) -> list[str]:
    """The ARM ids anywhere in the properties, in lower case."""
    return sorted({text.lower() for text in strings(properties) if text.startswith("/subscriptions/")})
