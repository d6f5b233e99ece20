"""The drop that the scanner's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.services.scanner.drop import Drop


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drop:
    return Drop(tmp_path, monkeypatch)
