"""A drill: a real alert that fires and ends, from a metric on a host to the receiver that keeps notifications."""

from __future__ import annotations

import json
import shlex
import time
import uuid
from dataclasses import dataclass
from typing import Any

from landscape import ports
from landscape.names import ALERTS, METRIC_FILES
from verify.inspection.gathering import batch
from verify.inspection.waiting import wait_until

ALERTMANAGER = f"http://127.0.0.1:{ports.ALERTMANAGER}"
DRILL_SECONDS = 75.0
"""For each half of a drill: a scrape by Prometheus, its rule, Alertmanager's wait, and a busy machine."""


@dataclass(frozen=True)
class Drill:
    """What became of two series in a textfile: one that should fire, and one whose time was already over."""

    name: str
    fired: list[dict[str, Any]]
    """Notifications about the first series, as the receiver kept them."""
    ended: list[dict[str, Any]]
    premature: list[dict[str, Any]]
    """Notifications about the second series: there must be none."""
    seconds: dict[str, float]
    failures: float
    """How many notifications any receiver refused meanwhile."""


def drill(host: Any) -> Drill:
    """Let a real alert fire and end: a metric on a host, Prometheus, its rule, Alertmanager, the receiver."""
    name = f"readiness-{uuid.uuid4()}"
    file = f"{METRIC_FILES}/livegang-drill-{name}.prom"
    lines = f'livegang_drill_until_seconds{{drill="{name}"}} $((now + 300))\n'
    lines += f'livegang_drill_until_seconds{{drill="{name}-over"}} $((now - 60))'
    begin = (
        f"find {METRIC_FILES} -name 'livegang-drill-*.prom' -mmin +30 -delete; now=$(date +%s); "
        f"printf '%b\\n' {json.dumps(lines)} >{file}.new && mv {file}.new {file}"
    )
    before = failures(host)
    written = batch(host, {"begin": begin})
    if written.status("begin"):
        raise AssertionError(f"no metric can be written to {METRIC_FILES}: {written.peek('begin')}")
    seconds = {}
    try:
        seconds["firing"] = wait_for(host, name, "firing")
    finally:
        batch(host, {"end": f"rm -f {file}"})
    if notifications(host, name, "firing"):
        seconds["resolved"] = wait_for(host, name, "resolved")
    return Drill(
        name,
        notifications(host, name, "firing"),
        notifications(host, name, "resolved"),
        notifications(host, f"{name}-over", "firing"),
        seconds,
        failures(host) - before,
    )


def wait_for(host: Any, name: str, status: str) -> float:
    """Seconds until the receiver has a notification, or until the time for it is over."""
    begun = time.monotonic()
    wait_until(lambda: notifications(host, name, status), bool, DRILL_SECONDS)
    return round(time.monotonic() - begun, 1)


def notifications(host: Any, name: str, status: str) -> list[dict[str, Any]]:
    """The alerts of this drill with this status among those that the receiver kept."""
    kept = batch(host, {"log": f"tail -n 500 {ALERTS} | grep -F {shlex.quote(name)}"}).peek("log")
    entries = [json.loads(line) for line in kept.splitlines() if line.startswith("{")]
    return [
        {"received": entry["received"], **alert}
        for entry in entries
        for alert in entry["alerts"]
        if alert["labels"].get("drill") == name and alert["status"] == status
    ]


def failures(host: Any) -> float:
    """How many notifications Alertmanager could not deliver since it started."""
    lines = batch(host, {"metrics": f"curl --silent --max-time 10 {ALERTMANAGER}/metrics"}).peek("metrics").splitlines()
    counted = [
        line for line in lines if line.startswith('alertmanager_notifications_failed_total{integration="webhook"}')
    ]
    return sum(float(line.split()[-1]) for line in counted)
