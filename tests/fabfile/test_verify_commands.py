"""`fab verify.ready` reports GO only if its own run left a report that says GO."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console import ExitCode
from fabfile import verify_commands
from tests.verify.report.runs import passing_run
from verify import conftest
from verify.report.files import DOCUMENT
from verify.report.model import Verdict, now
from verify.report.verdict import assess


def leave(folder: Path, verdict: str, started: str) -> None:
    report = folder / ".livegang" / "trial" / "report" / DOCUMENT
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"verdict": verdict, "started": started}))


def ready(monkeypatch: pytest.MonkeyPatch, folder: Path, status: int, verdict: str | None) -> tuple[ExitCode, Any]:
    """The exit code for a pytest process that ends with this status and leaves this verdict, and its environment."""
    environments: list[dict[str, str]] = []

    def run(command: list[str], environment: dict[str, str], cwd: Path) -> int:
        environments.append(environment)
        if verdict:
            leave(folder, verdict, now())
        return status

    monkeypatch.setattr(verify_commands, "PROJECT", folder)
    monkeypatch.setattr(verify_commands, "output_folder", lambda stack: folder / ".livegang" / stack)
    monkeypatch.setattr(verify_commands, "run_child", run)
    return verify_commands.ready("trial"), environments[0]


def test_a_run_that_succeeded_and_left_a_report_of_go_is_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert ready(monkeypatch, tmp_path, 0, "GO")[0] is ExitCode.DONE


@pytest.mark.parametrize("left", ["NOT CHECKED", "NO-GO", None])
def test_a_run_that_succeeded_without_a_report_of_go_is_not_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, left: str | None
) -> None:
    assert ready(monkeypatch, tmp_path, 0, left)[0] is ExitCode.NOT_CHECKED


def test_the_go_of_an_earlier_run_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    leave(tmp_path, "GO", "2026-01-09T08:00:00+01:00")
    assert ready(monkeypatch, tmp_path, 0, None)[0] is ExitCode.NOT_CHECKED


@pytest.mark.parametrize(("status", "code"), [(1, 4), (2, 4), (3, 3), (4, 4), (5, 4), (-9, 4)])
def test_every_other_exit_status_is_not_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, code: int
) -> None:
    leave(tmp_path, "GO", "2099-01-09T08:00:00+01:00")
    assert ready(monkeypatch, tmp_path, status, None)[0] == code


def test_what_a_person_s_environment_adds_to_pytest_is_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    _, environment = ready(monkeypatch, tmp_path, 0, "GO")
    assert "PYTEST_ADDOPTS" not in environment


def test_a_run_replaces_the_last_report_when_it_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conftest, "output_folder", lambda stack: tmp_path / ".livegang" / stack)
    leave(tmp_path, "GO", now())
    conftest.ReportWriter("trial").supersede("the run", "it did not finish")
    report = json.loads((tmp_path / ".livegang" / "trial" / "report" / DOCUMENT).read_text())
    assert report["verdict"] == "NOT CHECKED"
    assert "it did not finish" in report["not_checked"][0]["why"]


def test_a_report_that_cannot_be_written_is_not_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".livegang").write_text("a file where the folder should be")
    monkeypatch.setattr(conftest, "output_folder", lambda stack: tmp_path / ".livegang" / stack)
    with pytest.raises(pytest.UsageError, match="NOT CHECKED: no report can be written"):
        conftest.ReportWriter("trial").supersede("the run", "it did not finish")
    made = passing_run()
    assert assess(made).verdict is Verdict.GO
    assert conftest.ReportWriter("trial").finished(made, assess(made)).verdict is Verdict.NOT_CHECKED
