"""A run over several hosts: each by itself, all shown, and what ends it early reported in one sentence."""

from __future__ import annotations

import io
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from console import ExitCode, ExpectedError
from hosts.agent.results import Result
from hosts.fleet import converge, display, fleet, plan, record
from hosts.fleet.connection import NotPermittedError, UnreachableError
from hosts.fleet.fleet import Outcome
from hosts.fleet.session import Report, Session
from infra.inventory.model import Host, Inventory
from tests.hosts.local import Quiet


def report(host: str = "web01", *results: Result, error: str | None = None) -> Report:
    return Report(host, "web", list(results), len(results), error, 1.0)


def result(status: str, state: str = "file /etc/a", **more: Any) -> Result:
    return Result.decode({"state": state, "status": status, "seconds": 0.1, **more})


def shown(outcome: Outcome) -> str:
    buffer = io.StringIO()
    display.show(outcome, Console(file=buffer, width=100))
    return buffer.getvalue()


CHANGED_LINE = {"what": "content differs (+1 -1 lines)", "lines": ["@@ -1 +1 @@", "-a = [1]", "+a = [2]"]}
PENDING = result("pending", differences=[CHANGED_LINE])
FOLLOWS = result("follows", "unit nginx.service", reason="reload: file /etc/a")


class Connections:
    """In the place of the real ones: only db01 can be reached."""

    def __init__(self, inventory: Inventory) -> None:
        pass

    def open(self, host: Host) -> Any:
        if host.name != "db01":
            raise UnreachableError(f"{host.name} cannot be reached: no answer.")
        return type("Connection", (), {"transport": None})()

    def jump_host_lost(self) -> bool:
        return False

    def forget_jump_host(self) -> None:
        pass

    def close(self) -> None:
        pass


class BehindNothing(Connections):
    """The jump host is lost while the others are at work."""

    def open(self, host: Host) -> Any:
        return type("Connection", (), {"transport": host.name})()

    def jump_host_lost(self) -> bool:
        return True


def test_a_jump_host_lost_in_the_middle_is_reported_once_with_those_behind_it(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(self: Session, transport: Any) -> None:
        self.report.error = "the connection was lost: no sign of life for 30 s"

    monkeypatch.setattr(fleet, "Connections", BehindNothing)
    monkeypatch.setattr(Session, "run", lose)
    hosts = [inventory.hosts[name] for name in ("db01", "web01", "mgmt01")]
    outcome = fleet.run(inventory, hosts, "converge", Quiet())
    text = shown(outcome)
    assert text.count("the connection was lost") == 1
    assert "lost behind it: db01, web01" in text
    assert outcome.failed


def test_one_unreachable_host_hides_no_other(inventory: Inventory, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[tuple[str, str]] = []
    monkeypatch.setattr(fleet, "Connections", Connections)
    monkeypatch.setattr(Session, "run", lambda self, transport: None)
    monkeypatch.setattr(Session, "report_lost", lambda self, host, reason: reported.append((self.report.host, host)))
    hosts = [inventory.hosts[name] for name in ("db01", "web01")]
    outcome = fleet.run(inventory, hosts, "plan", Quiet())
    assert [report.error for report in outcome.reports] == [None, "web01 cannot be reached: no answer."]
    # Who may be waiting for it is notified.
    assert reported == [("db01", "web01")]


class KnowsNoNewHost(Connections):
    """Its jump host was converged before web01 was added, and learns of it at the end of its own run."""

    def __init__(self, inventory: Inventory) -> None:
        self.knows: set[str] = {"mgmt01", "db01"}

    def open(self, host: Host) -> Any:
        if host.name not in self.knows:
            raise NotPermittedError(f"{host.name} cannot be reached from mgmt01.")
        return type("Connection", (), {"transport": host.name})()

    def forget_jump_host(self) -> None:
        self.knows.add("web01")


def test_a_host_that_was_added_is_reached_once_the_jump_host_knows_it(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a landscape that grew would need two runs. Twin: without the jump host in the run no one tells it."""
    ran: list[str] = []
    monkeypatch.setattr(fleet, "Connections", KnowsNoNewHost)
    monkeypatch.setattr(Session, "run", lambda self, transport: ran.append(self.report.host))
    hosts = [inventory.hosts[name] for name in ("db01", "web01", "mgmt01")]
    outcome = fleet.run(inventory, hosts, "converge", Quiet())
    assert [report.error for report in outcome.reports] == [None, None, None]
    assert sorted(ran) == ["db01", "mgmt01", "web01"]
    alone = fleet.run(inventory, hosts[1:2], "converge", Quiet())
    assert [report.error for report in alone.reports] == ["web01 cannot be reached from mgmt01."]


def test_an_interrupted_run_says_in_one_sentence_what_was_reached() -> None:
    done = report("web01", result("changed"), FOLLOWS)
    begun = Report("web02", "web", [result("changed")], 9, "interrupted", 1.0)
    error = fleet.end_of(Outcome("converge", "rehearsal", [done, begun], 2.5, signal.SIGTERM))
    assert error is not None
    assert error.code == ExitCode.TERMINATED
    assert str(error) == (
        "Interrupted after 2.5 s: 1 of 2 hosts were done, 3 states were changed; "
        "each host finishes its current one, and the next run continues.\n  → Go on from there: fab hosts.converge"
    )


def test_a_plan_shows_each_change_with_its_lines_and_what_follows_from_it() -> None:
    text = shown(
        Outcome("plan", "rehearsal", [report("web01", PENDING, FOLLOWS), report("web02", result("unchanged"))], 1)
    )
    assert "~ file /etc/a: content differs (+1 -1 lines)\n" in text
    assert "      -a = [1]\n      +a = [2]\n      → reload unit nginx.service\n" in text
    assert text.splitlines()[-2].split()[:4] == ["web01", "web", "1", "1"]
    assert text.splitlines()[-1].split()[:4] == ["web02", "web", "1", "0"]


def test_a_failure_shows_its_reason_and_the_logs_end_and_what_was_left() -> None:
    failed = result("failed", "unit a.service", reason="it does not stay up", log="line 1\nline 2")
    skipped = [result("skipped", f"file /{number}", reason="unit a.service") for number in range(6)]
    text = shown(Outcome("converge", "rehearsal", [report("web01", failed, *skipped)], 1))
    assert "✗ unit a.service: it does not stay up\n      | line 1\n      | line 2\n" in text
    assert "skipped because of unit a.service: file /0, file /1, file /2, file /3 and 2 more\n" in text


def test_what_could_not_be_compared_is_one_line_and_a_number_of_its_own() -> None:
    unknown = [result("unknown", f"database role {name}", reason="PostgreSQL does not run") for name in "abcdef"]
    text = shown(Outcome("plan", "rehearsal", [report("db01", PENDING, *unknown)], 1))
    assert "· not compared, for PostgreSQL does not run: database role a, database role b, " in text
    assert text.splitlines()[-1].split()[:5] == ["db01", "web", "0", "1", "6"]


def test_long_lines_are_not_broken() -> None:
    long = result("failed", reason="x" * 300)
    assert "x" * 300 in shown(Outcome("plan", "rehearsal", [report("web01", long)], 1))


def test_the_outcome_is_there_as_json(tmp_path: Path) -> None:
    file = record.write(Outcome("plan", "rehearsal", [report("web01", PENDING)], 1.0), tmp_path)
    document = json.loads(file.read_text())
    assert file.name == "plan.json"
    assert document["pending"] == 1
    assert document["hosts"]["web01"]["results"][0]["differences"][0]["what"] == "content differs (+1 -1 lines)"
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(
    ("task", "results", "code", "message"),
    [
        ("plan", [result("unchanged")], None, ""),
        ("plan", [PENDING], ExitCode.PENDING, "Pending: 1 change on 1 host; nothing was touched."),
        ("plan", [PENDING, result("failed", "x")], ExitCode.FAILED, "Not all could be compared: web01."),
        ("converge", [result("changed")], None, ""),
        (
            "converge",
            [result("changed"), result("failed", "unit x", reason="it does not stay up", log="line 1\nline 2")],
            ExitCode.FAILED,
            "Not converged: web01 (unit x: it does not stay up: line 2).",
        ),
    ],
)
def test_exit_codes(
    task: str,
    results: list[Result],
    code: ExitCode | None,
    message: str,
    inventory: Inventory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcome = Outcome("plan" if task == "plan" else "converge", "sample", [report("web01", *results)], 1.0)
    monkeypatch.setattr(fleet, "run", lambda *arguments: outcome)
    monkeypatch.setattr(record, "write", lambda outcome: tmp_path / "result.json")
    run = plan.plan if task == "plan" else converge.converge
    if code is None:
        assert run(inventory, "web01") is outcome
    else:
        with pytest.raises(ExpectedError) as caught:
            run(inventory, "web01")
        assert (caught.value.code, caught.value.reason) == (code, message)


def test_a_limit_that_names_nothing_lists_what_there_is(inventory: Inventory) -> None:
    with pytest.raises(ExpectedError, match="--limit 'web9' is neither a host nor a role") as caught:
        plan.plan(inventory, "web9")
    assert "web01" in str(caught.value)
