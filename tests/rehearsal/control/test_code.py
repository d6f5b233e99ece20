"""A supervisor of other code than the clone's is not asked anything but to end."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rehearsal.base.handler import Log
from rehearsal.base.settings import Settings
from rehearsal.control import code, launch
from rehearsal.control.client import Supervisor, SupervisorError
from tests.rehearsal.supervisor.test_server import serving
from toolchain.folders import PROJECT


def _started_with(settings: Settings, **about: str) -> None:
    (settings.runtime / "supervisor.json").write_text(json.dumps({"pid": 1, **about}))


def test_one_of_the_same_code_is_asked(settings: Settings) -> None:
    _started_with(settings, code=code.fingerprint())
    with serving(settings):
        assert Supervisor(settings).call("make", {"id": "x"}) == {"made": "x"}


@pytest.mark.parametrize("about", [{"code": "0123456789abcdef"}, {}], ids=["changed", "older than this check"])
def test_one_of_other_code_is_named_with_what_to_do(settings: Settings, about: dict[str, str]) -> None:
    _started_with(settings, **about)
    with serving(settings) as logged:
        with pytest.raises(SupervisorError, match="runs other code than this clone") as caught:
            Supervisor(settings).call("make", {"id": "x"})
        assert "fab rehearsal.restart" in str(caught.value.hint)
        # To end it is possible: this server has no such method, and that it says so shows that it was asked.
        with pytest.raises(SupervisorError, match="There is no method shutdown"):
            Supervisor(settings).call("shutdown")
    assert [line for line in logged if "ping" not in line] == []


def test_where_none_lives_that_is_what_is_said(settings: Settings) -> None:
    _started_with(settings, code="0123456789abcdef")
    with pytest.raises(SupervisorError, match="No rehearsal is running"):
        Supervisor(settings).call("make", {"id": "x"})


def test_what_the_supervisor_never_runs_is_where_it_is_looked_for() -> None:
    for part in code.NOT_THE_SUPERVISORS:
        assert (PROJECT / "rehearsal" / part).exists()


def test_whoever_needs_a_supervisor_has_one_of_other_code_ended_and_another_started(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _started_with(settings, code="0123456789abcdef")
    asked: list[dict[str, Any]] = []

    def shutdown(params: dict[str, Any], log: Log) -> None:
        asked.append(params)

    def started(settings: Settings) -> None:
        _started_with(settings, code=code.fingerprint())

    for name in ("check_machine", "_wait_for_the_last"):
        monkeypatch.setattr(launch, name, lambda *_: None)
    monkeypatch.setattr(launch, "_spawn", started)
    monkeypatch.setattr(launch, "_wait_until_ready", lambda *_: None)
    shown: list[str] = []
    with serving(settings, shutdown=shutdown):
        launch.ensure(settings, shown.append)
        launch.ensure(settings, shown.append)
    assert asked == [{}]  # not for good: hosts come back on their disks
    assert shown == [
        "the supervisor runs other code than this clone has now: it is started again, and hosts reboot",
        "starting the rehearsal's supervisor",
    ]
