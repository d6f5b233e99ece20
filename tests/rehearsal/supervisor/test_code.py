"""A supervisor of other code than the clone's is not asked anything but to end."""

from __future__ import annotations

import json

import pytest

from rehearsal.base.settings import Settings
from rehearsal.control import code
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
        assert caught.value.hint == "End it and begin anew: make down, then make rehearse"
        # To end it is possible: this server has no such method, and that it says so shows that it was asked.
        with pytest.raises(SupervisorError, match="There is no method shutdown"):
            Supervisor(settings).call("shutdown")
    assert logged == []


def test_where_none_lives_that_is_what_is_said(settings: Settings) -> None:
    _started_with(settings, code="0123456789abcdef")
    with pytest.raises(SupervisorError, match="No rehearsal is running"):
        Supervisor(settings).call("make", {"id": "x"})


def test_what_the_supervisor_never_runs_is_where_it_is_looked_for() -> None:
    for part in code.NOT_THE_SUPERVISORS:
        assert (PROJECT / "rehearsal" / part).exists()
