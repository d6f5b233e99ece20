"""The evidence of a check: every command it ran and every output it looked at, kept for the report.

Connections and gathered outputs add to it while a test runs; a test adds anything else with the fixture `evidence`.
It must not hold a secret.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from verify.report.model import Evidence

LONGEST = 4000
"""Characters of one observation that the report keeps: of a longer one, the beginning and the end."""


class Notebook:
    """The observations of the running test. Commands in other threads are no evidence of it."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def of_a_test(self) -> Iterator[list[Evidence]]:
        """Collect what this thread notes inside the block."""
        notes: list[Evidence] = []
        self._local.notes = notes
        try:
            yield notes
        finally:
            self._local.notes = None

    def note(self, label: str, text: str) -> None:
        """Add an observation, unless it is there already."""
        notes: list[Evidence] | None = getattr(self._local, "notes", None)
        entry = Evidence(label, _shorten(text.strip("\n")))
        if notes is not None and entry not in notes and label not in HOUSEKEEPING:
            notes.append(entry)


NOTEBOOK = Notebook()

HOUSEKEEPING = frozenset({"uname -s", "cat /etc/os-release", "command -v command", "test -d /run/systemd/system/"})
"""Commands with which testinfra finds out what kind of host it is on: no evidence of anything."""


def note(label: str, seen: object) -> None:
    """Note text, or data as indented JSON, for the running test."""
    NOTEBOOK.note(label, seen if isinstance(seen, str) else json.dumps(seen, indent=1, ensure_ascii=False))


def _shorten(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
