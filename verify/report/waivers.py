"""Waivers: checks that may be skipped without blocking go-live, each with a reason, a person and a last day.

    # verify/waivers/prod.yaml
    - check: test_base.py::test_clock_follows_management[ssh://db01]
      reason: The hoster's firewall opens on Monday.
      by: A. Berger
      until: 2027-01-31

Only a skipped check can be waived, not a failed one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from console import ExpectedError
from console.documents import read_yaml
from console.validation import shown, structural_mistakes
from verify.report.model import Gap

FORM = "A waiver has exactly four keys: - {check: NAME, reason: WHY, by: WHO, until: YYYY-MM-DD}"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _written_as_a_day(value: object) -> object:
    """Refuse what pydantic would accept as well: a number (as seconds since 1970), or a time (as its day)."""
    if type(value) is not date:
        raise ValueError("not a day written as YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_written_as_a_day)]


class Waiver(BaseModel):
    """One check that may be skipped until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: Text = Field(description="a check's name as the report shows it: test_base.py::test_sshd_refuses_root[…]")
    reason: Text = Field(description="why the check may be skipped, in a sentence")
    by: Text = Field(description="the person who is responsible for that")
    until: Day = Field(description="the last day, YYYY-MM-DD, e.g. 2027-01-31")


@dataclass(frozen=True)
class Waivers:
    """The waivers of a stack, and the day for which they are read."""

    source: str = ""
    entries: dict[str, Waiver] = field(default_factory=dict)
    today: date = field(default_factory=date.today)

    def of(self, identifier: str) -> Waiver | None:
        """The waiver of a check, unless it has expired."""
        waiver = self.entries.get(identifier)
        return waiver if waiver and waiver.until >= self.today else None

    def gaps(self, known: set[str]) -> list[Gap]:
        """Waivers without effect: those that have expired, and those that name no check of this run."""
        gaps = []
        for name, waiver in self.entries.items():
            if waiver.until < self.today:
                gaps.append(Gap(f"waiver of {name}", f"it expired on {waiver.until}; remove it from {self.source}"))
            elif name not in known:
                gaps.append(Gap(f"waiver of {name}", f"this run has no check of that name; see {self.source}"))
        return gaps


def read_waivers(path: Path) -> Waivers:
    """Read the waivers in a file; without the file there are none.

    Raises ExpectedError that lists every mistake: file, entry, key, value, and what would be right.
    """
    try:
        document = read_yaml(path)
    except FileNotFoundError:
        return Waivers(str(path))
    if document is None:
        document = []
    if not isinstance(document, list):
        raise ExpectedError(f"{path} holds {shown(document)}, not a list. Nothing was checked.", hint=FORM)
    mistakes: list[str] = []
    entries: dict[str, Waiver] = {}
    for number, entry in enumerate(document, start=1):
        if not isinstance(entry, dict):
            mistakes.append(f"{path}: waiver {number} is {shown(entry)}, not a map.")
            continue
        if wrong := structural_mistakes(Waiver, entry):
            mistakes += [f"{path}: waiver {number}, {mistake}" for mistake in wrong]
            continue
        waiver = Waiver.model_validate(entry)
        if waiver.check in entries:
            mistakes.append(f"{path}: waiver {number}, check: {waiver.check!r} is waived already. Keep one of the two.")
        entries[waiver.check] = waiver
    if mistakes:
        raise ExpectedError("\n  ".join(["Waivers cannot be used. Nothing was checked.", *mistakes]), hint=FORM)
    return Waivers(str(path), entries)
