"""Numbers in sentences."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things that are named by a regular noun: ``1 host``, ``9 hosts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
