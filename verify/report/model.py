"""The data of a readiness run: checks, their results, what was left out, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from console import ExitCode

Needs = tuple[tuple[str, ...], ...]
"""What must work for a check to be able to pass: of every group at least one capability."""
ENDED_FIRST = "the run ended first"
"""Why a check was not made that nothing else kept from it."""


def now() -> str:
    """The current time as reports show it: ISO 8601, to the second, with offset."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The check cannot be made here and says why; blocks go-live unless waived by name."""
    WAIVED = "waived"
    NOT_RUN = "not run"
    """Its host was out of reach, or the run ended first."""


class Verdict(StrEnum):
    GO = "GO"
    NO_GO = "NO-GO"
    NOT_CHECKED = "NOT CHECKED"

    @property
    def exit_code(self) -> ExitCode:
        return {
            Verdict.GO: ExitCode.DONE,
            Verdict.NO_GO: ExitCode.NO_GO,
            Verdict.NOT_CHECKED: ExitCode.NOT_CHECKED,
        }[self]


@dataclass(frozen=True)
class Check:
    """One thing to prove about one subject."""

    identifier: str
    """pytest's node id, from the suite's file on."""
    suite: str
    """The file's topic: ``base``, ``database`` … ``endpoints``."""
    subject: str
    """Name of the host or endpoint that the check is about."""
    component: str
    """The part of the subject, e.g. ``sshd``, ``postgresql`` or ``vivendi-ambulant``."""
    title: str
    risk: str = ""
    """What goes wrong in production if this fails: the test's docstring."""
    proves: frozenset[str] = frozenset()
    """Capabilities that are in service if this passes and out of service if it fails."""
    needs: Needs = ()


@dataclass(frozen=True)
class Evidence:
    """What was observed: a heading (usually the command) and its text. Never holds a secret."""

    label: str
    text: str


@dataclass
class Result:
    check: Check
    outcome: Outcome
    reason: str = ""
    """One sentence: why it failed or was not made; empty if it passed."""
    detail: str = ""
    """What follows the first sentence, e.g. a unit's state and the end of its journal."""
    evidence: list[Evidence] = field(default_factory=list)
    unreachable: str = ""
    """The host or vantage point out of reach because of which it was not made."""
    seconds: float = 0.0
    disproved: set[str] = field(default_factory=set)
    """Capabilities found out of service, in addition to those that the check always proves: see `plugin.DISPROVED`."""
    needs: Needs = ()
    """What would explain the failure, in addition to what the check always needs: see `plugin.NEEDS`."""
    same_as: Result | None = None
    """The earlier result of the same failure: both checks share one look at a host, and that look failed."""


@dataclass(frozen=True)
class Gap:
    """Something that a complete run would have checked and this one did not."""

    what: str
    why: str

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


@dataclass(frozen=True)
class Subjects:
    """The rows of the report's matrix, and the suites that must look at each."""

    stack: str
    hosts: dict[str, str]
    """Roles by host name, in the order of lists: ``web``, or ``web+application`` for a host with both."""
    endpoints: dict[str, str]
    """Host name (DNS) by endpoint name."""
    jump_host: str | None = None
    required: dict[str, frozenset[str]] = field(default_factory=dict)
    """Suites by subject; without a check of each of them it counts as not checked."""


@dataclass
class Run:
    """Everything that one readiness run observed."""

    subjects: Subjects
    started: str
    """ISO 8601, with offset."""
    seconds: float = 0.0
    results: list[Result] = field(default_factory=list)
    unreachable: dict[str, str] = field(default_factory=dict)
    """Hosts and vantage points that did not answer, by name, each with the reason."""
    gaps: list[Gap] = field(default_factory=list)
    """What was left out, by a selection or because a suite could not be loaded."""
    standbys: set[str] = field(default_factory=set)
    """Database hosts that were found to be standbys."""

    def failed(self) -> list[Result]:
        return [result for result in self.results if result.outcome is Outcome.FAILED]
