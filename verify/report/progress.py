"""The progress of a readiness run in one line, instead of pytest's own output."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """Shows how many checks are done and how many failed: a bar on a terminal, else one line a suite."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("connecting to the hosts", total=None)
        self._suite = ""
        self._failed = 0

    @classmethod
    def take_over(cls, config: pytest.Config, console: Console) -> None:
        """Take the place of pytest's terminal reporter."""
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)
        config.pluginmanager.register(cls(console), "progress")

    def pytest_sessionstart(self) -> None:
        self._bar.start()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._bar.update(self._task, total=len(session.items))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        suite = nodeid.partition("::")[0].rpartition("test_")[2].removesuffix(".py")
        if suite != self._suite:
            self._suite = suite
            if not self._console.is_terminal:
                self._console.print(f"checking {suite} …")
        self._bar.update(self._task, description=self._words())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed += 1
        if report.when == "teardown":
            self._bar.update(self._task, advance=1, description=self._words())

    def _words(self) -> str:
        failed = f", [red]{self._failed} failed[/]" if self._failed else ""
        return f"checking {self._suite}{failed}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self._bar.stop()
