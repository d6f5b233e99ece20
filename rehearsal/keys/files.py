"""A folder for its owner only."""

from __future__ import annotations

from pathlib import Path


def private_folder(path: Path) -> Path:
    """The folder, made if need be, for its owner only."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.chmod(0o700)
    return path
