"""Makes `pytest verify/` a readiness run: its options, what is expected, and the plugin that decides the verdict.

Expectations are loaded before collection, because suites take their hosts and parameters from them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from console import ExpectedError, fitted
from toolchain.folders import output_folder
from verify.inspection import connection, expectations, gathering
from verify.inspection.expectations import Expectations
from verify.report import check_marker
from verify.report.evidence import note
from verify.report.files import write_report
from verify.report.model import Gap, Run, Subjects, now
from verify.report.plugin import Readiness
from verify.report.progress import Progress
from verify.report.terminal import show
from verify.report.verdict import Assessment, assess
from verify.report.waivers import read_waivers

FOLDER = Path(__file__).parent
PLUGIN = "readiness"
ONLY_SHOWING = ("help", "version", "markers", "collectonly")
"""Options with which pytest shows something and checks nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("livegang", "readiness of a landscape")
    group.addoption("--stack", help="the stack whose landscape is verified (default: LIVEGANG_STACK, else rehearsal)")
    group.addoption("--brief", action="store_true", help="show progress and verdict only, as `fab verify.ready` does")


@pytest.hookimpl(trylast=True)  # after pytest's own reporter, which --brief takes over from
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", check_marker.MARKER)
    stack = config.getoption("--stack", None) or os.environ.get("LIVEGANG_STACK", "rehearsal")
    writer = ReportWriter(stack)
    checking = not any(config.getoption(option, False) for option in ONLY_SHOWING)
    try:
        if config.pluginmanager.is_blocked(PLUGIN):
            raise ExpectedError(f"-p no:{PLUGIN} switches off the plugin that decides the verdict.")
        if checking:
            writer.supersede("the run", "it did not finish")
        loaded = Expectations.load(stack)
        selected = _selection(config, loaded)
        waivers = read_waivers(FOLDER / "waivers" / f"{stack}.yaml")
    except ExpectedError as error:
        writer.supersede("everything", error.reason)
        # pytest then exits with 4, which is also the exit code of NOT CHECKED.
        raise pytest.UsageError(f"NOT CHECKED: {error}") from None
    expectations.set_current(loaded)
    connection.install()
    config.option.ssh_config = str(loaded.ssh_config)
    config.option.continue_on_collection_errors = True
    suites = {path.stem.removeprefix("test_") for path in FOLDER.glob("test_*.py")}
    config.pluginmanager.register(writer)
    hosts = LiveHosts(loaded, selected)
    if checking:
        hosts.start_looking()
    readiness = Readiness(loaded.subjects(), suites, hosts, waivers, selected, writer.finished)
    readiness.run.gaps += loaded.gaps()
    config.pluginmanager.register(readiness, PLUGIN)
    if config.getoption("--brief", False):
        Progress.take_over(config, writer.console)


def _selection(config: pytest.Config, loaded: Expectations) -> set[str] | None:
    """The hosts that --hosts names, by name or role, with or without `ssh://`; None without that option.

    testinfra would run every suite on these hosts, whatever hosts the suite names itself. So the option is hidden
    from it, and the tests of other hosts are left out instead.
    """
    words = config.option.hosts
    config.option.hosts = None
    if words is None:
        return None
    names = [word.strip().removeprefix("ssh://") for word in words.split(",")]
    points = {str(name) for name in loaded.inventory.vantage_points}
    known = ",".join(name for name in names if name not in points)
    chosen = {host.name for host in loaded.inventory.select(known)} if known else set()
    return chosen | (points & set(names))


class LiveHosts:
    """The hosts and vantage points of a stack, over ssh."""

    def __init__(self, loaded: Expectations, selected: set[str] | None) -> None:
        inventory = loaded.inventory
        specs = {name: f"ssh://{name}" for name in inventory.hosts}
        specs |= {str(name): point.spec for name, point in inventory.vantage_points.items()}
        self._jump = inventory.way_in.jump_host
        self._specs = {
            name: spec for name, spec in specs.items() if selected is None or name in selected | {self._jump}
        }
        self._hosts = inventory.hosts.keys()
        self._ssh_config = str(loaded.ssh_config)
        self._looks: dict[str, Future[str | None]] = {}
        self._gone: dict[str, str] = {}

    def start_looking(self) -> None:
        """Begin to find out whether they answer, while pytest collects."""
        self._looks = gathering.start_looking(self._specs, self._jump, self._ssh_config)

    def unreachable(self, places: set[str]) -> dict[str, str]:
        wanted = places | ({self._jump} if places & self._hosts else set())  # hosts are reached through it
        self._gone = {place: reason for place in sorted(wanted) if (reason := self._looks[place].result())}
        return self._gone

    def prefetch(self, places_by_suite: dict[str, set[str]]) -> None:
        gathering.start_all(places_by_suite, self._gone)


class ReportWriter:
    """Writes the report and, at the end, shows the verdict."""

    def __init__(self, stack: str) -> None:
        self.console = Console(highlight=False)
        self._stack = stack
        self._folder = output_folder(stack) / "report"
        self._shown: tuple[Run, Assessment, Path | None] | None = None

    def supersede(self, what: str, why: str) -> None:
        """Replace the last report by NOT CHECKED: if this run is killed, an earlier GO must not remain."""
        run = Run(Subjects(self._stack, {}, {}), started=now())
        run.gaps.append(Gap(what, f"{why} (started {run.started})"))
        try:
            write_report(self._folder, run, assess(run))
        except OSError as error:
            raise pytest.UsageError(f"NOT CHECKED: no report can be written to {self._folder}: {error}") from None

    def finished(self, run: Run, assessment: Assessment) -> Assessment:
        page: Path | None = None
        try:
            page = write_report(self._folder, run, assessment)
        except OSError as error:
            run.gaps.append(Gap("report", f"it cannot be written to {self._folder}: {error}"))
            assessment = assess(run)
        self._shown = (run, assessment, page)
        return assessment

    def pytest_keyboard_interrupt(self) -> None:
        gathering.abandon()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        if self._shown is not None:
            run, assessment, page = self._shown
            show(fitted(self.console), run, assessment, page)


@pytest.fixture
def evidence() -> Callable[[str, object], None]:
    """Add an observation to the report: a heading, and text or data for JSON. It must not hold a secret."""
    return note


def pytest_make_parametrize_id(val: Any) -> str | None:
    """Name tests after what they are about: `test_health_answers[ambulant]`."""
    name = getattr(val, "name", None)
    return name if isinstance(name, str) else None
