"""A state folder of the test's own, whose sockets and locks are not below the machine's /run/livegang."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.base.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    # Not tmp_path: a Unix socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="lg-") as runtime:
        monkeypatch.setattr("rehearsal.base.settings.RUNTIME", Path(runtime))
        found = Settings(tmp_path / "state")
        found.runtime.mkdir()
        yield found
