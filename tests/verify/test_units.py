"""Which services flap, seen in two looks at systemd."""

from __future__ import annotations

from verify.report.causes import unit_name
from verify.units import Service, flapping, services

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


def test_a_service_that_was_started_again_between_two_looks_flaps_though_it_runs_at_both() -> None:
    before, after = {"a": Service("running", 3, "success")}, {"a": Service("running", 5, "success")}
    assert flapping(before, after) == {"a": "2 more restarts"}


def test_a_service_that_waits_to_be_started_again_flaps() -> None:
    waiting = {"a": Service("auto-restart", 0, "exit-code")}
    assert flapping({}, waiting) == {"a": "it has ended with exit-code and waits to be started again"}


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
