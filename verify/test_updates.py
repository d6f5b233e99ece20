"""Automatic security updates: their effective configuration, and a dry run that installs nothing."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from verify.inspection.expectations import current, hosts, one_of, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.units import ask_about, is_enabled, is_running
from verify.inspection.waiting import wait_until
from verify.report.check_marker import check
from verify.report.root_causes import STORAGE

testinfra_hosts = specs()

TIMERS = ("apt-daily.timer", "apt-daily-upgrade.timer")
ask_about(*TIMERS)
PATIENCE_SECONDS = 60.0
"""How long to wait for another process that uses apt."""

QUESTIONS = {
    "dry run": "timeout 40 unattended-upgrade --dry-run --verbose",
    "periodic": "apt-config dump | grep ^APT::Periodic::",
    "held": "apt-config dump | grep ^Unattended-Upgrade::Package-Blacklist::",
}


def look(host: Any) -> Outputs:
    """The answers, once no other process uses apt."""
    return wait_until(
        lambda: batch(host, QUESTIONS),
        lambda answers: "lock" not in answers.peek("dry run").lower(),
        PATIENCE_SECONDS,
        every=3,
    )


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    return STATE.of(host.backend.hostname)


@check("updates", needs=[one_of("management", "mirror:{member}"), f"{STORAGE}{{host}}"])
def test_unattended_upgrade_would_work(state: Outputs) -> None:
    """Updates that fail every night leave every vulnerability open, and no one notices."""
    lines = state.lines("dry run")
    assert state.status("dry run") == 0, f"the dry run failed: {' '.join(lines[-1:]) or 'without a message'}"
    wrong = [line for line in lines if "error" in line.lower() or "traceback" in line.lower()]
    assert not wrong, f"the dry run reports: {wrong[0]}"


@check("updates")
def test_updates_come_from_the_mirror_alone(host: Any, state: Outputs) -> None:
    """One origin too many installs untested versions at night; one too few installs nothing."""
    allowed = [line for line in state.lines("dry run") if line.startswith("Allowed origins are:")]
    assert allowed, "the dry run does not show which origins are allowed"
    origins = {part.strip().removeprefix("site=") for part in allowed[0].partition(":")[2].split(",")}
    servers = hosts("management")
    if host.backend.hostname in {server.name for server in servers}:
        expected = {urlsplit(source.uri).hostname or "" for source in current().inventory.packages.sources}
    else:
        expected = {server.fqdn for server in servers}
    assert origins == expected, f"updates are taken from {', '.join(sorted(origins))}"


@check("updates")
def test_updates_run_every_night(host: Any, state: Outputs) -> None:
    """Updates that are configured but never started change nothing."""
    periodic = dict(line.rstrip(";").split(" ", 1) for line in state.lines("periodic"))
    for name in ("Update-Package-Lists", "Unattended-Upgrade"):
        value = periodic.get(f"APT::Periodic::{name}", "").strip('"')
        assert value == "1", f"APT::Periodic::{name} is {value or 'not set'}, not 1"
    idle = [timer for timer in TIMERS if not is_running(host, timer) or not is_enabled(host, timer)]
    assert not idle, f"not active or not enabled: {', '.join(idle)}"


@check("updates")
def test_databases_are_not_restarted_by_updates(host: Any, state: Outputs) -> None:
    """An update that restarts PostgreSQL at night is an unplanned outage. Twin: no other host holds it back."""
    held = any("postgresql" in line for line in state.lines("held"))
    is_database = "database" in current().inventory.hosts[host.backend.hostname].roles
    assert held == is_database, "updates of PostgreSQL are " + ("held back here, for no reason" if held else "not held")
