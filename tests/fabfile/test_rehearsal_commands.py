"""The `rehearsal.*` tasks: what they show of what the supervisor tells, and what they say when there is none."""

from __future__ import annotations

from typing import Any

import pytest
from invoke.context import Context

from fabfile import rehearsal_commands
from rehearsal.base.settings import Settings
from rehearsal.control.client import Supervisor, SupervisorError

STATUS: dict[str, Any] = {
    "state": "/clone/.rehearsal",
    "uptime": 7300.0,
    "memory": 700 * 2**20,
    "hosts": [
        {
            "name": "db01",
            "state": "running",
            "address": "10.77.1.4",
            "since": 75.0,
            "memory": 120 * 2**20,
            "cpu_seconds": 12.04,
            "services": 9,
            "failed": ["postgresql@15-main.service"],
        },
        {
            "name": "web01",
            "state": "gone",
            "address": None,
            "since": 3.0,
            "memory": 0,
            "cpu_seconds": 0.0,
            "services": None,
            "failed": [],
        },
    ],
    "services": [{"name": "gateway", "alive": False, "memory": 0}],
    "backends": [
        {
            "pool": "web",
            "settings": "web",
            "server": "10.77.3.4",
            "host": "web01",
            "health": "Unhealthy",
            "reason": "L4TOUT",
            "since": 12,
        }
    ],
    "recorded_only": {"azure-native:recoveryservices:Vault": 2},
}


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What is asked of a supervisor that answers at once."""
    found: list[tuple[str, dict[str, Any]]] = []

    def call(self: Supervisor, method: str, params: dict[str, Any] | None = None) -> Any:
        found.append((method, params or {}))
        return {"status": STATUS, "host": {"name": "db01", "state": "stopped", "note": ""}, "logs": "last words"}[
            method
        ]

    monkeypatch.setenv("LIVEGANG_STATE", str(settings.state))
    monkeypatch.setattr(Supervisor, "call", call)
    monkeypatch.setattr(Supervisor, "alive", lambda self: True)
    return found


def test_status_shows_hosts_services_and_what_is_recorded_only(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    rehearsal_commands.status(Context())
    shown = capsys.readouterr().out
    for expected in (
        "db01",
        "10.77.1.4",
        "1 min",
        "120 MiB",
        "12.0 s",
        "failed:",
        "gone",
        "ended",
        "recorded only: recoveryservices:Vault (2)",
        "up 2 h 01 min",
    ):
        assert expected in shown
    (backend,) = [line for line in shown.splitlines() if "10.77.3.4" in line]
    assert backend.split()[:4] == ["web", "web01", "10.77.3.4", "Unhealthy"]


def test_status_of_no_rehearsal_is_an_answer_and_starts_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEGANG_STATE", str(settings.state))
    rehearsal_commands.status(Context())
    assert "No rehearsal is running" in capsys.readouterr().out


@pytest.mark.parametrize("action", ["start", "stop", "reboot", "kill"])
def test_hosts_are_reported_what_the_task_is_called(
    asked: list[Any], action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    getattr(rehearsal_commands, action)(Context(), "db01")
    assert asked == [("host", {"name": "db01", "action": action})]
    assert "db01 is stopped." in capsys.readouterr().out


def test_logs_are_printed_as_they_are(asked: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    rehearsal_commands.logs(Context(), "db01", lines=5)
    assert asked == [("logs", {"name": "db01", "lines": 5})]
    assert capsys.readouterr().out == "last words\n"


def test_a_shell_into_no_rehearsal_says_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEGANG_STATE", str(settings.state))
    with pytest.raises(SupervisorError, match="make rehearse"):
        rehearsal_commands.shell(Context(), "db01")
