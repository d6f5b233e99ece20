"""What the agent tells: one result a state, and the errors behind them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a state stands after a run."""

    UNCHANGED = "unchanged"
    PENDING = "pending"
    """Plan: it would be changed."""
    CHANGED = "changed"
    FOLLOWS = "follows"
    """By itself it is as wanted; it is (or would be) started, restarted or reloaded because of another change."""
    UNKNOWN = "unknown"
    """Plan: cannot be compared until a state that it needs is reached."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, because a state that it needs failed."""


@dataclass(frozen=True)
class Difference:
    """One thing in which the host is not as wanted."""

    what: str
    """A few words: ``mode 0644 instead of 0640``."""
    lines: tuple[str, ...] = ()
    """Lines of a unified diff, where there is one."""


class OperationError(Exception):
    """A state cannot be compared or reached; says why. ``log`` is the end of what was written about it."""

    def __init__(self, reason: str, log: str = "") -> None:
        self.reason = reason
        self.log = log
        super().__init__(reason)


class NotComparableError(Exception):
    """A state cannot be compared while a state that it needs is not reached; says what is missing."""


class CommandError(OperationError):
    """A command ended with an error or not in time."""


class AbandonedError(Exception):
    """Nobody listens any more: the operator's side ended or the connection is lost."""
