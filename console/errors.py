"""Failures that are expected: reported in sentences, never with a traceback."""

from __future__ import annotations

from invoke.exceptions import Exit

from console.exits import ExitCode


class ExpectedError(Exit):
    """Says what happened, where and why, and in ``hint`` what to do about it.

    It is an `invoke.Exit`, so a Fabric task that raises it ends with the message on standard error and
    the exit code, without a traceback.
    """

    def __init__(self, message: str, hint: str | None = None, code: int = ExitCode.FAILED) -> None:
        self.reason = message
        self.hint = hint
        super().__init__(message if hint is None else f"{message}\n  → {hint}", code)

    def __str__(self) -> str:
        return str(self.message)
