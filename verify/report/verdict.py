"""The verdict: GO only if everything in the landscape was checked and nothing failed."""

from __future__ import annotations

from dataclasses import dataclass

from console import counted
from verify.report import wording
from verify.report.model import ENDED_FIRST, Gap, Outcome, Run, Verdict
from verify.report.root_causes import Analysis, Cause


@dataclass(frozen=True)
class Assessment:
    verdict: Verdict
    causes: list[Cause]
    """Failures that nothing else explains, and hosts out of reach, each with its consequences."""
    gaps: list[Gap]
    """Everything that was not checked, and why."""

    @property
    def failures(self) -> list[Cause]:
        return [cause for cause in self.causes if not cause.unreachable]

    @property
    def groups(self) -> list[list[Cause]]:
        """The causes, grouped where several hosts or endpoints have the same one."""
        return wording.grouped(self.causes)

    @property
    def sentence(self) -> str:
        """The reason for the verdict, in one sentence."""
        return wording.verdict_sentence(self.verdict, self.failures, len(self.gaps))


def assess(run: Run) -> Assessment:
    """The verdict on a run: NO-GO with a failure that no host out of reach explains, else NOT CHECKED with any gap."""
    causes = Analysis(run).causes
    gaps = _unreachable(causes) + run.gaps + _unproven(run) + _uncovered(run)
    if any(not cause.unreachable for cause in causes):
        verdict = Verdict.NO_GO
    elif gaps:
        verdict = Verdict.NOT_CHECKED
    else:
        verdict = Verdict.GO
    return Assessment(verdict, causes, gaps)


def _unreachable(causes: list[Cause]) -> list[Gap]:
    gaps = []
    for cause in causes:
        if cause.unreachable:
            gaps.append(Gap(cause.subject, wording.unreachable(cause)))
    return gaps


def _unproven(run: Run) -> list[Gap]:
    """Checks that were skipped without a waiver, or that did not run although their host answers."""
    gaps = []
    for result in run.results:
        check = result.check
        if result.outcome is Outcome.SKIPPED:
            gaps.append(Gap(f"{check.subject}, {check.title}", f"skipped: {result.reason}"))
    late = [
        result
        for result in run.results
        if result.outcome is Outcome.NOT_RUN and result.unreachable not in run.unreachable
    ]
    if late:
        gaps.append(Gap(counted(len(late), "check"), late[0].reason or ENDED_FIRST))
    return gaps


def _uncovered(run: Run) -> list[Gap]:
    """Hosts and endpoints that no suite looked at, or not every suite that they require."""
    if run.gaps:
        return []  # A partial run: these already name what it left out.
    seen: dict[str, set[str]] = {}
    for result in run.results:
        seen.setdefault(result.check.subject, set()).add(result.check.suite)
    gaps = []
    for subject in dict.fromkeys([*run.subjects.hosts, *run.subjects.endpoints, *run.subjects.required]):
        if subject in run.unreachable:
            continue
        missing = run.subjects.required.get(subject, frozenset()) - seen.get(subject, set())
        gaps += [Gap(subject, f"no check of the suite {suite} was about it") for suite in sorted(missing)]
        if not missing and subject not in seen:
            gaps.append(Gap(subject, "no suite looked at it"))
    return gaps
