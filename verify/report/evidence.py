"""What a check saw: every command it ran and every gathered output it looked at, kept for the report.

The connection and the gathered outputs note themselves here while a test runs; a test adds what comes from
elsewhere with the fixture `evidence`. Nothing noted may hold a secret.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from verify.report.model import Evidence

LONGEST = 4000
"""Characters of one observation that the report keeps; of a longer one, beginning and end."""


class Notebook:
    """The observations of the test that runs now. Other threads' commands are nobody's evidence."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def of_a_test(self) -> Iterator[list[Evidence]]:
        """Collect what is noted in this thread inside the block."""
        notes: list[Evidence] = []
        self._local.notes = notes
        try:
            yield notes
        finally:
            self._local.notes = None

    def note(self, label: str, text: str) -> None:
        """Keep an observation, once."""
        notes: list[Evidence] | None = getattr(self._local, "notes", None)
        entry = Evidence(label, _shorten(text.strip("\n")))
        if notes is not None and entry not in notes and label not in HOUSEKEEPING:
            notes.append(entry)


NOTEBOOK = Notebook()

HOUSEKEEPING = frozenset({"uname -s", "cat /etc/os-release", "command -v command", "test -d /run/systemd/system/"})
"""Commands by which testinfra finds out what kind of host it is on: no evidence of anything."""


def note(label: str, seen: object) -> None:
    """Note text, or data as indented JSON, for the running test."""
    NOTEBOOK.note(label, seen if isinstance(seen, str) else json.dumps(seen, indent=1, ensure_ascii=False))


def _shorten(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n… {len(text) - 2 * half} characters left out …\n{text[-half:]}"
