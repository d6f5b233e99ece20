"""What the agent reports: one result for each state, and the errors behind them. Both ends of the connection use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """How a state ended up after a run."""

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


@dataclass
class Result:
    """The outcome of one state."""

    state: str
    """Kind and name, e.g. ``file /etc/hosts``."""
    status: Status
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    """Of a failure, a skip or an unknown: why. Of what follows: because of which state."""
    log: str = ""
    seconds: float = 0.0

    def encode(self) -> dict[str, Any]:
        """As JSON, without what is empty."""
        document = asdict(self) | {"status": self.status.value, "seconds": round(self.seconds, 3)}
        differences = [{k: v for k, v in each.items() if v not in ("", ())} for each in document["differences"]]
        return {key: value for key, value in (document | {"differences": differences}).items() if value not in ("", [])}

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> Result:
        """What `encode` made. Raises KeyError, TypeError or ValueError when it is anything else."""
        differences = document.get("differences", ())
        return cls(
            state=str(document["state"]),
            status=Status(document["status"]),
            differences=tuple(Difference(each["what"], tuple(each.get("lines", ()))) for each in differences),
            reason=str(document.get("reason", "")),
            log=str(document.get("log", "")),
            seconds=float(document.get("seconds", 0.0)),
        )


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
