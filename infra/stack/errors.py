"""The error that lists everything that is wrong with a stack's configuration."""

from __future__ import annotations

from collections.abc import Iterable

from console import ExpectedError, counted
from console.validation import Mistake


class TopologyError(ExpectedError):
    """The stack's configuration cannot be used; the message lists every mistake, below ``key`` where one is given."""

    def __init__(self, file: str, key: str, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes), key=lambda mistake: [str(part) for part in mistake.path])
        count = counted(len(self.mistakes), "mistake")
        lines = [f"{file} has {count}{f' in {key}' if key else ''}. Nothing was touched."]
        lines += [f"  {file}: {key}{'.' if key and mistake.path else ''}{mistake}" for mistake in self.mistakes]
        super().__init__("\n".join(lines))
