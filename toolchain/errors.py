"""The bootstrap's expected failure."""

from __future__ import annotations

FAILED = 1
CANNOT_REHEARSE = 5
"""As console.ExitCode, which cannot be imported before the virtual environment exists."""


class SetupError(Exception):
    """An expected failure: a message, and in ``hint`` what to do about it; never shown with a traceback."""

    def __init__(self, message: str, hint: str | None = None, code: int = FAILED) -> None:
        self.message = message
        self.hint = hint
        self.code = code
        super().__init__(message)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  → {self.hint}"
