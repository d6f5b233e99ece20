"""What all tests share: one living rehearsal, evidence of failures, and a reason where hosts cannot boot."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Generator, Iterator

import pytest
from xdist.remote import Producer

from tests import evidence
from tests.living import Rehearsal, clone
from tests.scheduling import OneFleet, in_order
from toolchain import checks
from toolchain.folders import PROJECT, state_folder

# In tests, Pulumi's engine runs for seconds: collecting its garbage less often saves a tenth of its time.
os.environ.setdefault("GOGC", "400")

# An ordinary user's PATH lacks the folders of nft and mkfs, which such a user may run in namespaces of their own.
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])

NO_HOSTS = "hosts cannot boot here: "
"""The beginning of the reason why tests on booted hosts are skipped."""

BOOTED = "booted"
"""The marker of tests on booted hosts."""

FAILED = pytest.StashKey[bool]()
"""Of a test: whether it failed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--with-hosts", action="store_true", help="hosts can boot here: run all tests on booted hosts, skip none"
    )


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneFleet:
    config.option.loadscopereorder = False  # the order is ours
    return OneFleet(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know how their test ended, and keep what a failure on booted hosts can be explained by."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    if report.failed and BOOTED in report.keywords:
        output = "\n".join(text for _, text in report.sections)
        evidence.keep(item.nodeid, f"{report.longreprtext}\n{output}", getattr(item, "funcargs", {}).values())
    return report


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the last line of a run where the evidence of its failures is."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    failures = reporter.stats.get("failed", []) + reporter.stats.get("error", [])
    if any(BOOTED in getattr(report, "keywords", ()) for report in failures):
        print(f"Evidence of what failed on booted hosts: {evidence.FOLDER}", flush=True)


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs booted hosts where they cannot boot; where they can, forget the evidence of the run before."""
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    items[:] = in_order(items, side_by_side=worker is not None)
    booted = [item for item in items if item.get_closest_marker(BOOTED)]
    if not booted or config.option.collectonly:
        return
    if not config.option.with_hosts and (reason := checks.why_no_hosts(state_folder())):
        for item in booted:
            item.add_marker(pytest.mark.skip(reason=f"{NO_HOSTS}{reason}"))
    else:
        evidence.begin(worker["testrunuid"] if worker else str(os.getpid()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List each test that needed booted hosts and was skipped: pytest itself groups them by file."""
    names: dict[str, list[str]] = {}
    for report in terminalreporter.stats.get("skipped", []):
        _, separator, reason = str(report.longrepr[2]).partition(NO_HOSTS)
        if separator:
            names.setdefault(reason, []).append(report.nodeid)
    for reason, skipped in names.items():
        terminalreporter.section(f"{len(skipped)} tests on booted hosts were not run: {reason}")
        for name in skipped:
            terminalreporter.line(name)


@pytest.fixture(scope="session")
def rehearsal() -> Iterator[Rehearsal]:
    """A living rehearsal of nine converged hosts, one for the entire run, brought down at its end in any case.

    A snapshot of the converged fleet is kept for `breakable`.
    """
    folder = PROJECT / ".livegang" / "tests" / "clone"
    if (folder / ".venv" / "bin" / "fab").exists():
        # An earlier run was killed: what it left is brought down as a person would do it.
        Rehearsal(folder).down()
    shutil.rmtree(folder, ignore_errors=True)
    living = clone(folder)
    try:
        try:
            living.up()
            living.fab("rehearsal.snapshot")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            evidence.keep("the rehearsal of all tests", str(error), [living])
            raise
        yield living
    finally:
        living.down()


@pytest.fixture
def breakable(request: pytest.FixtureRequest, rehearsal: Rehearsal) -> Iterator[Rehearsal]:
    """The rehearsal for a test that breaks something and repairs it, since that is quicker or what it proves.

    After a failure no one knows what the test left: the fleet goes back to its snapshot, so that the next test finds
    what it expects.
    """
    yield rehearsal
    if request.node.stash.get(FAILED, False):
        rehearsal.fab("rehearsal.reset")
