"""The states of units, and which services flap, from systemd's output."""

from __future__ import annotations

import pytest

from verify.inspection import units as module
from verify.inspection import waiting
from verify.inspection.gathering import Output, Outputs
from verify.inspection.units import Service, Unit, flapping, look, services, units
from verify.report.root_causes import unit_name

SHOWN = """Id=nginx.service
Result=success
SubState=running
NRestarts=0

Id=vivendi-kita.service
Result=exit-code
SubState=auto-restart
NRestarts=7

Id=init.scope
"""


def test_services_are_read_from_systemctl_show() -> None:
    assert services(SHOWN) == {
        "nginx.service": Service("running", 0, "success"),
        "vivendi-kita.service": Service("auto-restart", 7, "exit-code"),
    }


def test_a_service_that_was_restarted_between_two_looks_flaps_although_it_runs_at_both() -> None:
    before, after = {"a": Service("running", 3, "success")}, {"a": Service("running", 5, "success")}
    assert flapping(before, after) == {"a": "2 more restarts"}


def test_a_service_that_waits_for_its_restart_flaps() -> None:
    waiting = {"a": Service("auto-restart", 0, "exit-code")}
    assert flapping({}, waiting) == {"a": "it ended with exit-code and waits for its restart"}


def test_a_service_that_ended_once_long_ago_or_was_restarted_by_hand_does_not_flap() -> None:
    before = {"a": Service("running", 4, "success"), "b": Service("running", 1, "success")}
    after = {"a": Service("running", 4, "success"), "b": Service("running", 0, "success")}
    assert flapping(before, after) == {}


def test_a_unit_is_known_by_its_full_name() -> None:
    assert [unit_name(name) for name in ("nginx", "apt-daily.timer", "postgresql@15-main")] == [
        "nginx.service",
        "apt-daily.timer",
        "postgresql@15-main.service",
    ]


def said(ssh: str) -> str:
    """The output of `systemctl show` for nginx, which does not exist, and for ssh."""
    return f"ActiveState=inactive\nSubState=dead\nUnitFileState=\n\nActiveState={ssh}\nUnitFileState=enabled"


def test_units_are_recognized_by_their_order_even_if_one_does_not_exist() -> None:
    assert units(said("active\nSubState=running"), {"ssh", "nginx"}) == {
        "nginx": Unit("inactive", "dead", ""),
        "ssh": Unit("active", "running", "enabled"),
    }


@pytest.mark.parametrize(
    ("first", "looks"), [("activating\nSubState=start", 2), ("activating\nSubState=auto-restart", 1)]
)
def test_a_unit_that_is_starting_is_waited_for_and_one_that_waits_for_its_restart_is_not(
    monkeypatch: pytest.MonkeyPatch, first: str, looks: int
) -> None:
    answers = [said(first), said("active\nSubState=running")]
    given = iter(answers)
    monkeypatch.setattr(module, "_asked", {"ssh", "nginx"})
    monkeypatch.setattr(waiting, "pause", lambda seconds: None)
    monkeypatch.setattr(
        module, "batch", lambda host, commands: Outputs({"units": Output(commands["units"], next(given), 0)})
    )
    assert look(None)["ssh"].active == ("active" if looks == 2 else "activating")
    assert len(list(given)) == 2 - looks
