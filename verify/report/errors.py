"""What the report knows of what can go wrong on the way to a host."""

from __future__ import annotations


class HostLost(Exception):
    """A host or vantage point does not answer, or no longer; ``reason`` is ssh's own."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name} is out of reach: {reason}")
