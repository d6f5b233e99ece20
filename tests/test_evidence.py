"""Evidence of failures on booted hosts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal.base.settings import Settings
from tests import evidence
from tests.rehearsal.supervisor.test_server import serving
from toolchain.folders import PROJECT

pytest_plugins = ["pytester"]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(evidence, "FOLDER", tmp_path / "evidence")
    return tmp_path / "evidence"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("rehearsal.base.settings.RUNTIME", tmp_path / "run")
    found = Settings(tmp_path / "state")
    for folder in (found.runtime, found.logs):
        folder.mkdir(parents=True)
    return found


def test_a_failure_is_kept_with_logs_and_journals(kept: Path, settings: Settings) -> None:
    (settings.logs / "supervisor.log").write_text("x" * evidence.LARGEST + "the end\n")
    (settings.state / "output" / "small" / "report").mkdir(parents=True)
    (settings.state / "output" / "small" / "report" / "readiness.json").write_text("{}")
    answers = {
        "status": lambda params, log: {"hosts": [{"name": "db01"}]},
        "logs": lambda params, log: f"the journal of {params['name']}",
    }
    fixture = SimpleNamespace(settings=settings)
    with serving(settings, **answers):
        folder = evidence.keep("tests/chain/test_x.py::test_it[a b]", "it failed", [fixture, fixture, "another"])
    assert folder == kept / "chain-test_x.py-test_it-a-b"
    assert (folder / "failure.txt").read_text() == "it failed"
    assert (folder / "rehearsal" / "supervisor.log").read_text().endswith("the end\n")
    assert (folder / "rehearsal" / "db01.journal").read_text() == "the journal of db01"
    assert (folder / "rehearsal" / "output" / "small" / "report" / "readiness.json").exists()
    assert not (folder / "rehearsal1").exists()


def test_without_a_supervisor_the_logs_are_kept_all_the_same(kept: Path, settings: Settings) -> None:
    (settings.logs / "supervisor.log").write_text("ended\n")
    folder = evidence.keep("tests/test_x.py::test_it", "it failed", [SimpleNamespace(settings=settings)])
    assert (folder / "rehearsal" / "supervisor.log").read_text() == "ended\n"
    assert "No rehearsal is running" in (folder / "rehearsal" / "no-status.txt").read_text()


def test_a_log_that_cannot_be_read_is_named_and_breaks_nothing(
    kept: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(folder: Path, settings: Settings) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(evidence, "_keep_rehearsal", full)
    folder = evidence.keep("tests/test_x.py::test_it", "it failed", [SimpleNamespace(settings=settings)])
    assert "No space left" in (folder / "incomplete.txt").read_text()


def test_a_run_forgets_the_evidence_of_the_run_before_and_keeps_its_own(kept: Path) -> None:
    evidence.keep("tests/test_x.py::test_before", "it failed", [])
    for _ in range(2):  # one for each of its processes
        evidence.begin("a run")
        evidence.keep("tests/test_x.py::test_now", "it failed", [])
    assert [path.name for path in kept.iterdir() if path.is_dir()] == ["test_x.py-test_now"]
    evidence.begin("another run")
    assert [path for path in kept.iterdir() if path.is_dir()] == []


def test_the_last_line_of_a_run_names_the_folder(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pathlib
        from tests import conftest, evidence
        evidence.FOLDER = pathlib.Path("evidence").resolve()
        from tests.conftest import pytest_runtest_makereport, pytest_unconfigure
        """
    )
    pytester.makeini("[pytest]\nmarkers = booted: on booted hosts\n")
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.booted
        def test_that_fails():
            assert "cause" == "effect"

        def test_that_needs_no_host():
            assert False
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--numprocesses=1")
    folder = pytester.path / "evidence"
    assert result.outlines[-1] == f"Evidence of what failed on booted hosts: {folder}"
    assert [path.name.partition(".py-")[2] for path in folder.iterdir()] == ["test_that_fails"]
    assert "'cause' == 'effect'" in next(folder.iterdir()).joinpath("failure.txt").read_text()


def test_a_run_without_such_a_failure_names_none(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("from tests.conftest import pytest_runtest_makereport, pytest_unconfigure")
    pytester.makepyfile("def test_that_needs_no_host():\n    assert False\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    assert "1 failed" in result.outlines[-1]


def test_the_last_line_of_ci_names_the_folder_too(tmp_path: Path) -> None:
    """After pytest's last line, `make` reports that it failed."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(PROJECT / ".ci" / "run", tmp_path / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text('#!/bin/sh\nmkdir -p .livegang/tests/evidence/test_x\necho "$*"\nexit 2\n')
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "test",
        f"Evidence of what failed on booted hosts: {tmp_path}/.livegang/tests/evidence",
    ]
