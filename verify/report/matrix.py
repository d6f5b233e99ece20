"""The matrix of hosts and endpoints against suites, as the report and the console show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from landscape.roles import ROLES
from verify.report.model import Outcome, Result, Run

SUITE_ORDER = ("base", *dict.fromkeys(suite for role in ROLES.values() for suite in role.every_suite), "endpoints")
"""Columns from the host itself to what stands on it; suites that are not named here follow, by name."""


class State(StrEnum):
    """The state of a cell or row, worst first."""

    FAILED = "failed"
    NOT_CHECKED = "not checked"
    PASSED = "passed"
    NONE = "none"
    """No suite has a check here."""


@dataclass
class Cell:
    results: list[Result] = field(default_factory=list)

    @property
    def passed(self) -> int:
        return sum(result.outcome in (Outcome.PASSED, Outcome.WAIVED) for result in self.results)

    @property
    def total(self) -> int:
        return len(self.results)

    @property
    def state(self) -> State:
        outcomes = {result.outcome for result in self.results}
        if not outcomes:
            return State.NONE
        if Outcome.FAILED in outcomes:
            return State.FAILED
        return State.NOT_CHECKED if outcomes & {Outcome.SKIPPED, Outcome.NOT_RUN} else State.PASSED


@dataclass
class Row:
    subject: str
    note: str
    """A host's role, an endpoint's host name."""
    cells: dict[str, Cell]
    unreachable: str = ""

    @property
    def results(self) -> list[Result]:
        return [result for cell in self.cells.values() for result in cell.results]

    @property
    def state(self) -> State:
        states = {cell.state for cell in self.cells.values()} - {State.NONE}
        if State.FAILED in states:
            return State.FAILED
        if self.unreachable or State.NOT_CHECKED in states or not states:
            return State.NOT_CHECKED
        return State.PASSED


@dataclass
class Matrix:
    suites: list[str]
    hosts: list[Row]
    endpoints: list[Row]
    others: list[Row]
    """Neither hosts nor endpoints: the vantage points, from which the public addresses are tried."""

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        named = [("Hosts", self.hosts), ("Endpoints", self.endpoints), ("From outside", self.others)]
        return [(name, rows) for name, rows in named if rows]


def arrange(run: Run) -> Matrix:
    """The matrix of a run, with a row for every host and endpoint, even if nothing was checked there."""
    found = {result.check.suite for result in run.results}
    suites = [suite for suite in SUITE_ORDER if suite in found] + sorted(found - set(SUITE_ORDER))
    by_subject: dict[str, dict[str, Cell]] = {}
    for result in run.results:
        cells = by_subject.setdefault(result.check.subject, {})
        cells.setdefault(result.check.suite, Cell()).results.append(result)

    def row(subject: str, note: str) -> Row:
        cells = by_subject.pop(subject, {})
        return Row(
            subject, note, {suite: cells.get(suite, Cell()) for suite in suites}, run.unreachable.get(subject, "")
        )

    hosts = [row(name, role) for name, role in run.subjects.hosts.items()]
    endpoints = [row(name, host_name) for name, host_name in run.subjects.endpoints.items()]
    return Matrix(suites, hosts, endpoints, [row(name, "") for name in sorted(by_subject)])
