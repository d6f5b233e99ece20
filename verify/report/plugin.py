"""The pytest plugin that makes a run of the suites a readiness run: what was checked, what was not, and why."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from verify.report import completeness
from verify.report.check_marker import describe, not_applicable, place_of, suite_of
from verify.report.errors import HostLost
from verify.report.evidence import NOTEBOOK
from verify.report.model import ENDED_FIRST, Check, Evidence, Gap, Outcome, Result, Run, Subjects, Verdict, now
from verify.report.verdict import Assessment, assess
from verify.report.waivers import Waivers
from verify.report.wording import out_of_reach

EVIDENCE = pytest.StashKey[list[Evidence]]()
STANDBY = "standby"
"""Property that a check records (`record_property(STANDBY, True)`) when its database host is a standby."""
DISPROVED = "disproved"
"""Property that names a capability as out of service, where that depends on how the check fails."""
NEEDS = "needs"
"""Property with a group of capabilities (a tuple): if all of them are out of service, they explain this failure."""


class World(Protocol):
    """The hosts as the plugin sees them; its own tests use imagined ones."""

    def unreachable(self, places: set[str]) -> dict[str, str]:
        """The places that do not answer, each with the reason."""

    def prefetch(self, places_by_suite: dict[str, set[str]]) -> None:
        """Begin to fetch what the suites will look at."""


class Readiness:
    """Collects results and gaps; ``assessment`` holds the verdict once the session has ended."""

    def __init__(
        self,
        subjects: Subjects,
        suites: set[str],
        world: World,
        waivers: Waivers,
        selected: set[str] | None,
        finished: Callable[[Run, Assessment], Assessment],
    ) -> None:
        """``suites``: the topics of all suite files. ``selected``: the hosts that --hosts names, None for all.

        ``finished`` is called with the run and its assessment before the session ends. It writes the report and
        returns the assessment, which is a different one if the report could not be written.
        """
        self.run = Run(subjects, started=now())
        self.assessment: Assessment | None = None
        self._began = time.monotonic()
        self._suites, self._world, self._waivers = suites, world, waivers
        self._selected, self._finished = selected, finished
        self._loaded: set[str] = set()
        self._items: list[pytest.Item] = []
        self._broken: set[str] = set()
        self._deselected: list[str] = []
        self._skipped: dict[str, str] = {}
        """Suites that skipped themselves as a whole, each with its reason."""
        self._checks: dict[str, Check] = {}
        self._results: dict[str, Result] = {}
        self._failures: list[tuple[BaseException, Result]] = []

    # What is to be checked

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        suite = Path(report.nodeid.partition("::")[0]).stem.removeprefix("test_")
        if report.skipped:
            self._skipped[suite] = _skip_reason(report)
        if not report.failed:
            return
        self._broken.add(suite)
        self.run.gaps.append(Gap(f"suite {suite}", f"it cannot be loaded: {_last_line(report.longreprtext)}"))

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._loaded.add(suite_of(item))
        self._items.append(item)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += [item.nodeid for item in items]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        # Where a single check was asked for by name, one gap says so, instead of one for each other check of its file.
        if not _named(config):
            self.run.gaps += completeness.uncollected(self._items)
        self.run.gaps += completeness.without_file(self.run.subjects, self._suites)
        self.run.gaps += completeness.without_anything(items, self.run.subjects)
        items[:] = [item for item in items if not not_applicable(item)]
        if self._selected is not None:
            left_out = [item for item in items if place_of(item) not in self._selected]
            items[:] = [item for item in items if place_of(item) in self._selected]
            if left_out:
                self.run.gaps.append(
                    Gap(f"{len(left_out)} checks", f"only {', '.join(sorted(self._selected))} was selected by --hosts")
                )
        self._checks = {item.nodeid: describe(item) for item in items}
        if config.option.collectonly:
            return
        self.run.unreachable = self._world.unreachable({place for item in items if (place := place_of(item))})
        reachable: dict[str, set[str]] = {}
        for item in items:
            place = place_of(item)
            if place not in self.run.unreachable:
                reachable.setdefault(suite_of(item), set()).update({place} if place else ())
        self._world.prefetch(reachable)

    # What came of it

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """A host out of reach is reported once; its tests do not run."""
        place = place_of(item)
        if place not in self.run.unreachable:
            return None
        self._results[item.nodeid] = Result(
            self._checks[item.nodeid], Outcome.NOT_RUN, out_of_reach(place), unreachable=place
        )
        # pytest kept the fixtures of the test before that this one would have used: tear down what the next does not.
        item.session._setupstate.teardown_exact(nextitem)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        with NOTEBOOK.of_a_test() as notes:
            item.stash[EVIDENCE] = notes
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        before: list[Evidence] = item.stash.get(EVIDENCE, [])
        with NOTEBOOK.of_a_test() as notes:
            notes += before
            item.stash[EVIDENCE] = notes
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        result = self._results.setdefault(item.nodeid, Result(self._checks[item.nodeid], Outcome.NOT_RUN, ENDED_FIRST))
        result.seconds += report.duration
        notes: list[Evidence] = item.stash.get(EVIDENCE, [])
        result.evidence = list(notes)
        if (STANDBY, True) in report.user_properties:
            self.run.standbys.add(result.check.subject)
        result.disproved |= {str(value) for name, value in report.user_properties if name == DISPROVED}
        result.needs = tuple({tuple(map(str, group)) for name, group in _properties(report) if name == NEEDS})
        if call.excinfo is not None and isinstance(lost := call.excinfo.value, HostLost):
            self._lose(lost)
            if result.outcome is not Outcome.FAILED:
                result.outcome, result.reason = Outcome.NOT_RUN, out_of_reach(lost.name)
                result.unreachable = lost.name
            report.outcome = "skipped"
            report.longrepr = (str(item.path), 0, str(lost))
            return report
        self._add_phase(result, report, call.excinfo.value if call.excinfo else None)
        if call.excinfo is not None and result.outcome is Outcome.FAILED:
            self._compare(call.excinfo.value, result)
        if result.outcome is Outcome.SKIPPED and (waiver := self._waivers.of(result.check.identifier)):
            result.outcome, result.reason = Outcome.WAIVED, f"{result.reason} (waived by {waiver.by}: {waiver.reason})"
        return report

    def _lose(self, lost: HostLost) -> None:
        """Note that a host has stopped answering, after asking the jump host, which may be the one that is lost."""
        known = self.run.unreachable
        if lost.name not in known and self.run.subjects.jump_host not in known:
            known |= self._world.unreachable({lost.name})
        known.setdefault(lost.name, lost.reason)

    def _compare(self, error: BaseException, result: Result) -> None:
        """Tests that share one look at a host all raise its error when it fails: count that as one failure."""
        for known, first in self._failures:
            if known is error and first is not result:
                result.same_as = first
                return
        self._failures.append((error, result))

    def _add_phase(self, result: Result, report: pytest.TestReport, error: BaseException | None) -> None:
        """Add the report of one phase, setup, call or teardown; a failure in any of them fails the check."""
        expected = hasattr(report, "wasxfail")
        if report.failed or (expected and report.skipped):
            result.outcome = Outcome.FAILED
            result.reason, result.detail = _message(report, error)
        elif result.outcome is Outcome.FAILED:
            return  # A later phase does not undo a failure.
        elif report.skipped or expected:
            result.outcome = Outcome.SKIPPED
            result.reason = "marked as expected to fail, but passed" if expected else _skip_reason(report)
        elif report.when == "call" and result.outcome is Outcome.NOT_RUN:
            result.outcome, result.reason = Outcome.PASSED, ""

    # The end

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if session.config.option.collectonly:
            # Nothing was checked, and exit code 0 would mean GO.
            session.exitstatus = Verdict.NOT_CHECKED.exit_code
            return
        run = self.run
        for nodeid, check in self._checks.items():
            run.results.append(self._results.get(nodeid) or Result(check, Outcome.NOT_RUN, ENDED_FIRST))
        run.gaps += self._selection_gaps(session.config) + self._waivers.gaps(
            {c.identifier for c in self._checks.values()}
        )
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            run.gaps.append(Gap("the run", "it was interrupted"))
        elif exitstatus == pytest.ExitCode.INTERNAL_ERROR:
            run.gaps.append(Gap("the run", "it was aborted by an internal error; see pytest's output above"))
        else:
            self._look_again()
        run.seconds = round(time.monotonic() - self._began, 1)
        self.assessment = self._finished(run, assess(run))
        session.exitstatus = self.assessment.verdict.exit_code

    def _look_again(self) -> None:
        """Find the hosts that have stopped answering since the run began: what was seen there no longer holds."""
        seen = {place for item in self._items if item.nodeid in self._results and (place := place_of(item))}
        if seen - self.run.unreachable.keys():
            gone = self._world.unreachable(seen - self.run.unreachable.keys())
            self.run.unreachable |= {
                name: f"{reason} (it answered when this run began)" for name, reason in gone.items()
            }

    def _selection_gaps(self, config: pytest.Config) -> list[Gap]:
        gaps = []
        if self._deselected:
            words = [f"-k {config.option.keyword!r}" if config.option.keyword else ""]
            words += [f"-m {config.option.markexpr!r}" if config.option.markexpr else ""]
            how = " and ".join(word for word in words if word) or "the selection"
            gaps.append(Gap(f"{len(self._deselected)} checks", f"left out by {how}"))
        if named := _named(config):
            names = ", ".join(Path(name).name for name in named)
            gaps.append(Gap("all other checks", f"only {names} was asked for"))
        for suite in sorted(self._suites - self._loaded - self._broken):
            skips = suite in self._skipped
            why = f"it skips itself: {self._skipped[suite]}" if skips else "it was not part of this run"
            gaps.append(Gap(f"suite {suite}", why))
        if not self._checks and not gaps and not self.run.gaps:
            gaps.append(Gap("everything", "no check was found"))
        return gaps


def _properties(report: pytest.TestReport) -> list[tuple[str, Any]]:
    return list(report.user_properties)


def _named(config: pytest.Config) -> list[str]:
    """The single tests that the command line names."""
    return [argument for argument in config.args if "::" in argument]


def _message(report: pytest.TestReport, error: BaseException | None) -> tuple[str, str]:
    """Why a check failed, its first line and the rest, without pytest's own decoration."""
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else report.longreprtext
    if isinstance(error, AssertionError | pytest.fail.Exception):
        # Raised on purpose, with a sentence for people: the name of the type would only stand in its way.
        kind = type(error)
        text = text.removeprefix(f"{kind.__module__}.").removeprefix(f"{kind.__qualname__}: ")
    kept: list[str] = []
    for line in text.splitlines():
        if kept and line.startswith("assert "):
            break
        kept.append(line)
    first, *rest = kept or ["it failed without a message"]
    if report.when != "call":
        first = f"during {report.when}: {first}"
    return first, textwrap.dedent("\n".join(line.rstrip() for line in rest)).strip("\n")


def _skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return report.longreprtext


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E ").strip() for line in text.splitlines() if line.strip()]
    marked = [line.removeprefix("E ").strip() for line in text.splitlines() if line.startswith("E ")]
    return (marked or lines or ["no reason given"])[-1]
