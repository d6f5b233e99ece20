"""What all tests share: one living rehearsal, and a named reason where hosts cannot boot."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Generator, Iterator

import pytest

from rehearsal.settings import PROJECT, Settings
from rehearsal.toolchain import checks
from tests.living import Rehearsal, clone

NOT_RUN = pytest.StashKey[tuple[str, list[str]]]()
"""Why hosts cannot boot here, and the names of the tests that therefore did not run."""

FAILED = pytest.StashKey[bool]()
"""Of a test: whether it failed."""


MYPY = pytest.StashKey["subprocess.Popen[str]"]()
"""Begun with the run: it needs a processor for a minute, while many tests only wait."""


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly and any(item.name == "test_mypy_finds_nothing" for item in session.items):
        session.config.stash[MYPY] = subprocess.Popen(
            [sys.executable, "-m", "mypy"], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """A run that ended early leaves nothing at work."""
    if (mypy := config.stash.get(MYPY, None)) and mypy.poll() is None:
        mypy.kill()
        mypy.wait()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell fixtures how their test ended."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs booted hosts where they cannot boot; run it last, when the quick tests have spoken."""
    booted = [item for item in items if item.get_closest_marker("booted")]
    if not booted:
        return
    items[:] = [item for item in items if item not in booted] + booted
    if reason := checks.why_no_hosts(Settings.of_this_clone()):
        config.stash[NOT_RUN] = (reason, [item.nodeid for item in booted])
        for item in booted:
            item.add_marker(pytest.mark.skip(reason=f"hosts cannot boot here: {reason}"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Name each test that did not run for want of booted hosts: pytest itself folds skips to lines of files."""
    reason, names = config.stash.get(NOT_RUN, ("", []))
    if names:
        terminalreporter.section(f"{len(names)} tests on booted hosts were not run: {reason}")
        for name in names:
            terminalreporter.line(name)


@pytest.fixture(scope="session")
def rehearsal() -> Iterator[Rehearsal]:
    """A living rehearsal of nine converged hosts, one for the whole run, ended with it whatever happens.

    Of the converged fleet a snapshot is kept: see `breakable`.
    """
    folder = PROJECT / ".livegang" / "tests" / "clone"
    if (folder / ".venv" / "bin" / "fab").exists():
        # A run before this one was killed: what it left is ended the way that a person would end it.
        Rehearsal(folder).down()
    shutil.rmtree(folder, ignore_errors=True)
    living = clone(folder)
    try:
        living.up()
        living.fab("rehearsal.snapshot")
        yield living
    finally:
        living.down()


@pytest.fixture
def breakable(request: pytest.FixtureRequest, rehearsal: Rehearsal) -> Iterator[Rehearsal]:
    """The rehearsal for a test that breaks something and mends it, since that is quicker or what it proves.

    When the test fails, nobody knows what it left: the fleet goes back to its snapshot, so that the next one begins on
    what it expects.
    """
    yield rehearsal
    if request.node.stash.get(FAILED, False):
        rehearsal.fab("rehearsal.reset")
