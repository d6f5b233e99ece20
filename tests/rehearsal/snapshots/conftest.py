"""A state folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.base.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(tmp_path / "state")
    found.machines.mkdir(parents=True)
    found.disks.mkdir()
    return found
