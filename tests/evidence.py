"""Evidence of a failure on booted hosts, kept before the fixtures end or repair what the test saw."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from filelock import FileLock

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.control.client import Supervisor
from toolchain.folders import PROJECT

FOLDER = PROJECT / ".livegang" / "tests" / "evidence"
"""One folder for an entire run, with one for each test that failed."""

LARGEST = 256 * 1024
"""Bytes kept of the end of each log."""
JOURNAL_LINES = 300


class OnBootedHosts(Protocol):
    """The value of a fixture that represents a rehearsal."""

    settings: Settings


def begin(run: str) -> None:
    """Remove the evidence of other runs; each process of a run calls this before its first test."""
    FOLDER.parent.mkdir(parents=True, exist_ok=True)
    mark = FOLDER / ".run"
    with FileLock(FOLDER.with_name("evidence.lock")):
        if not mark.exists() or mark.read_text() != run:
            shutil.rmtree(FOLDER, ignore_errors=True)
            FOLDER.mkdir()
            mark.write_text(run)


def folder_of(test: str) -> Path:
    """Where a test's evidence goes, by its node id."""
    return FOLDER / re.sub(r"[^\w.-]+", "-", test.removeprefix("tests/")).strip("-")[:150]


def keep(test: str, failure: str, fixtures: Iterable[object]) -> Path:
    """Keep the failure and, of each rehearsal among the fixtures, its logs, reports and hosts' journals."""
    folder = folder_of(test)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "failure.txt").write_text(failure, errors="replace")
    seen = {}
    for fixture in fixtures:
        settings = getattr(fixture, "settings", None)
        if isinstance(settings, Settings):
            seen[settings.state] = settings
    for number, settings in enumerate(seen.values()):
        try:
            _keep_rehearsal(folder / f"rehearsal{number or ''}", settings)
        except OSError as error:  # a log that is being removed, a full disk: the test's own failure is what counts
            (folder / f"incomplete{number or ''}.txt").write_text(f"{error}\n")
    return folder


def _keep_rehearsal(folder: Path, settings: Settings) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for log in settings.logs.rglob("*") if settings.logs.exists() else ():
        if log.is_file():
            with log.open("rb") as opened:
                opened.seek(max(0, log.stat().st_size - LARGEST))
                (folder / log.name).write_bytes(opened.read())
    for output in (settings.state.parent / ".livegang", settings.state / "output"):
        if output.is_dir():
            shutil.copytree(output, folder / "output", dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests"))
    try:
        _keep_hosts(folder, Supervisor(settings))
    except ExpectedError as error:
        (folder / "no-status.txt").write_text(f"{error}\n")


def _keep_hosts(folder: Path, supervisor: Supervisor) -> None:
    status = supervisor.call("status", silence=60)
    (folder / "status.json").write_text(json.dumps(status, indent=1))
    for host in status["hosts"]:
        try:
            journal = supervisor.call("logs", {"name": host["name"], "lines": JOURNAL_LINES}, silence=60)
        except ExpectedError as error:
            journal = str(error)
        (folder / f"{host['name']}.journal").write_text(journal, errors="replace")
