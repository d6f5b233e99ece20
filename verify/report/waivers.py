"""Waivers: checks that may be skipped without blocking go-live, each by name, with a reason, a person and an end.

    # verify/waivers/prod.yaml
    - check: test_base.py::test_clock_follows_management[ssh://db01]
      reason: The hoster's firewall opens on Monday.
      by: A. Berger
      until: 2027-01-31

Only a skipped check can be waived, never a failed one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from console import ExpectedError
from verify.report.model import Gap


class Waiver(BaseModel):
    """One check that may be skipped until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    reason: str
    by: str
    until: date


@dataclass(frozen=True)
class Waivers:
    """The waivers of a stack, and the day they are judged on."""

    source: str = ""
    entries: dict[str, Waiver] = field(default_factory=dict)
    today: date = field(default_factory=date.today)

    def of(self, identifier: str) -> Waiver | None:
        """The waiver of a check, unless it has ended."""
        waiver = self.entries.get(identifier)
        return waiver if waiver and waiver.until >= self.today else None

    def gaps(self, known: set[str]) -> list[Gap]:
        """Waivers that waive nothing any more: a name that no check bears, or an end that has passed."""
        gaps = []
        for name, waiver in self.entries.items():
            if waiver.until < self.today:
                gaps.append(Gap(f"waiver of {name}", f"it ended on {waiver.until}; remove it from {self.source}"))
            elif name not in known:
                gaps.append(Gap(f"waiver of {name}", f"this run has no check of that name; see {self.source}"))
        return gaps


def read_waivers(path: Path) -> Waivers:
    """The waivers in a file; none if there is no such file.

    Raises ExpectedError naming the file, the entry and the key that is wrong.
    """
    if not path.exists():
        return Waivers(str(path))
    try:
        document = yaml.safe_load(path.read_text()) or []
    except yaml.YAMLError as error:
        raise ExpectedError(f"{path} is not YAML: {error}") from error
    if not isinstance(document, list):
        raise ExpectedError(
            f"{path} holds no list.", hint="Each waiver is an entry: - check: … reason: … by: … until: …"
        )
    entries: dict[str, Waiver] = {}
    for number, entry in enumerate(document, start=1):
        try:
            waiver = Waiver.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or "entry"
            raise ExpectedError(
                f"{path}, waiver {number}, {key}: {first['msg']} (it is {first['input']!r}).",
                hint="A waiver has exactly check, reason, by and until (YYYY-MM-DD).",
            ) from error
        entries[waiver.check] = waiver
    return Waivers(str(path), entries)
