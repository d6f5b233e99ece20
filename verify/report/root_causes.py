"""Finds which failures are causes, and which are only consequences of another.

A check may *prove* capabilities (``postgresql:db01``) and *need* others. When a check fails, what it proves is
out of service; another failure that needs it is a consequence, and is counted under its cause instead of being
reported as one more problem. A host out of reach is a cause too: everything bound to it is out of service.

A group of alternatives explains a failure only if all of them are out of service: an endpoint that does not
answer although one of two application hosts is healthy has a cause of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from verify.report.model import Outcome, Result, Run

PRIMARY = "database-primary"
"""The capability of the primary database: PostgreSQL on the database hosts that are not known to be standbys."""
STEADY = "steady:"
"""Prefix of the capability that a unit stays up, ``steady:nginx.service@web01``. While it is out of service, a passed
check of that unit, or of what needs it, proves nothing: the unit was up then, and may be down the next moment."""
STORAGE = "storage:"
"""Prefix of the capability that a host can write to its file systems, ``storage:db01``."""

UNIT = "unit:"
"""Prefix of the capability that a systemd unit is healthy, ``unit:nginx.service@web01``."""


def unit_name(unit: str) -> str:
    """A unit's name with its type: ``nginx.service`` for ``nginx``."""
    return unit if unit.rpartition(".")[2] in ("service", "timer", "socket", "mount") else f"{unit}.service"


@dataclass
class Cause:
    """A failed check that no other failure explains, or a host or vantage point out of reach."""

    subject: str
    component: str
    reason: str
    result: Result | None = None
    """The failed check; None if the cause is that something is out of reach."""
    consequences: list[Result] = field(default_factory=list)
    hidden_hosts: list[str] = field(default_factory=list)
    """Of the jump host: the hosts that are out of reach only because it is."""

    @property
    def unreachable(self) -> bool:
        return self.result is None


class Analysis:
    """Resolves needs against failures. ``causes`` are in the order of the run, what is out of reach first."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.provers: dict[str, list[Result]] = {}
        for result in run.results:
            for capability in result.check.proves | result.disproved:
                self.provers.setdefault(capability, []).append(result)
        self.causes = self._causes()

    def _causes(self) -> list[Cause]:
        causes = self._unreachable()
        explained = []
        for result in self.run.failed():
            if roots := self.roots(result):
                explained.append((result, roots))
            else:
                causes[result.check.identifier] = _cause(result)
        for result, roots in explained:
            if not roots & causes.keys():  # circular needs must not make failures vanish
                causes[result.check.identifier] = _cause(result)
            for root in roots & causes.keys():
                causes[root].consequences.append(result)
        return list(causes.values())

    def _unreachable(self) -> dict[str, Cause]:
        """One cause for each thing out of reach; hosts behind an unreachable jump host are counted under it."""
        gone, jump = self.run.unreachable, self.run.subjects.jump_host
        behind = [name for name in gone if name in self.run.subjects.hosts and name != jump] if jump in gone else []
        return {
            _host(name): Cause(name, "host", reason, hidden_hosts=behind if name == jump else [])
            for name, reason in gone.items()
            if name not in behind
        }

    def roots(self, result: Result) -> set[str]:
        """Identifiers of the causes that explain a failure; empty when it is a cause itself."""
        if result.same_as is not None:
            return self.roots(result.same_as) or {result.same_as.check.identifier}
        found = self._roots_of_needs(result, frozenset(result.check.proves))
        return found - {result.check.identifier}

    def _roots_of_needs(self, result: Result, seen: frozenset[str]) -> set[str]:
        found: set[str] = set()
        for group in (*result.check.needs, *result.needs):
            members = [self._down(capability, seen) for capability in self._resolve(group)]
            if members and all(members):
                found.update(*members)
        return found

    def _resolve(self, group: tuple[str, ...]) -> list[str]:
        resolved: list[str] = []
        for capability in group:
            if capability == PRIMARY:
                databases = [name for name, role in self.run.subjects.hosts.items() if "database" in role.split("+")]
                candidates = [f"postgresql:{name}" for name in databases if name not in self.run.standbys]
                # If every database host is a standby, that is the cause: the check of their roles has failed.
                resolved += candidates or [f"role:{name}" for name in databases]
            else:
                resolved.append(capability)
        return resolved

    def _down(self, capability: str, seen: frozenset[str]) -> set[str]:
        """The causes for which a capability is out of service; empty if it is not known to be."""
        if capability in seen:
            return set()
        if host := self._unreachable_host_of(capability):
            return {_host(host)}
        found: set[str] = set()
        for prover in self.provers.get(capability, []):
            if prover.outcome is Outcome.FAILED:
                first = prover.same_as or prover
                found |= self._roots_of_needs(first, seen | {capability}) or {first.check.identifier}
            found |= self._causes_to_doubt(prover, seen | {capability})
        return found

    def _causes_to_doubt(self, prover: Result, seen: frozenset[str]) -> set[str]:
        """The causes for which a check proves nothing even if it passed: a unit flaps on which it depends."""
        found: set[str] = set()
        for group in (*prover.check.needs, *prover.needs):
            members = [self._flapping_behind(capability, seen) for capability in self._resolve(group)]
            if members and all(members):
                found.update(*members)
        return found

    def _flapping_behind(self, capability: str, seen: frozenset[str]) -> set[str]:
        """The causes that make a unit flap on which a capability depends."""
        if capability in seen:
            return set()
        if capability.startswith(STEADY):
            return self._down(capability, seen)
        provers = self.provers.get(capability, [])
        return set().union(*(self._causes_to_doubt(prover, seen | {capability}) for prover in provers))

    def _unreachable_host_of(self, capability: str) -> str | None:
        """The host out of reach to which a capability is bound: the part after ``host:``, ``NAME:`` or ``@``."""
        host = capability.rpartition("@")[2] if "@" in capability else capability.partition(":")[2]
        if host not in self.run.unreachable:
            return None
        jump = self.run.subjects.jump_host
        return jump if jump in self.run.unreachable and host in self.run.subjects.hosts else host


def _cause(result: Result) -> Cause:
    return Cause(result.check.subject, result.check.component, result.reason, result)


def _host(name: str) -> str:
    return f"host:{name}"
