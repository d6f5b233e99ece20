"""Services on every host stay up. One that keeps restarting looks healthy at almost any single moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from verify.inspection.expectations import current, specs
from verify.inspection.gathering import Gathering, batch
from verify.inspection.units import Service, explain, flapping, services
from verify.inspection.waiting import pause
from verify.report.check_marker import check
from verify.report.plugin import DISPROVED
from verify.report.root_causes import STEADY, STORAGE, UNIT

testinfra_hosts = specs()

APART_SECONDS = 10.0
"""The minimum time between the two looks; in a complete run the earlier suites run between them."""

LOOK = "systemctl show '*.service' --property=Id,SubState,NRestarts,Result"


@dataclass(frozen=True)
class Look:
    """All services of a host at one moment."""

    at: float
    """Seconds of this machine's monotonic clock."""
    services: dict[str, Service]


def look(host: Any) -> Look:
    return Look(time.monotonic(), services(batch(host, {"services": LOOK}).peek("services")))


def look_again(host: Any) -> Look:
    due = FIRST.of(host.backend.hostname).at + APART_SECONDS
    pause(max(0.0, due - time.monotonic()))
    return look(host)


FIRST = Gathering(__name__, look, waits=True)  # it waits for nothing, but the earlier it is, the less the second has to
AGAIN = Gathering(__name__, look_again, places=list, waits=True)  # never started in advance: as late as possible

Note = Callable[[str, object], None]


@check("units", needs=[f"{STORAGE}{{host}}"])
def test_no_service_keeps_restarting(host: Any, evidence: Note, record_property: Note) -> None:
    """Each time it ends it loses its work, and whether anyone notices depends on when they look."""
    name = host.backend.hostname
    AGAIN.start(current().inventory.hosts)
    first, second = FIRST.of(name), AGAIN.of(name)
    apart = second.at - first.at
    assert second.services, "systemd lists no services"
    evidence("services", f"{len(second.services)} looked at twice, {apart:.0f} s apart")
    found = flapping(first.services, second.services)
    for unit in found:
        record_property(DISPROVED, f"{STEADY}{unit}@{name}")
        record_property(DISPROVED, f"{UNIT}{unit}@{name}")
    if found:
        named = ", ".join(f"{unit} ({what})" for unit, what in found.items())
        raise AssertionError(f"keeps restarting: {named}\n\n{explain(host, next(iter(found)), 'steady')}")
