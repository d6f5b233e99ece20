"""What Prometheus on the management host says, asked over its API once it has looked at everything anew."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from verify.inspection.expectations import endpoints, hosts
from verify.inspection.gathering import Outputs, batch, pause

PROMETHEUS = "http://127.0.0.1:9090"
FRESH_SECONDS = 30.0
"""Twice the interval between two looks of Prometheus: by then each target was looked at anew."""

Note = Callable[[str, object], None]


def ask(path: str) -> str:
    """A command that prints an answer of the API."""
    return f"curl --silent --show-error --max-time 10 {shlex.quote(PROMETHEUS + path)}"


def query(expression: str) -> str:
    """A command that prints the answer to an expression of PromQL."""
    return ask(f"/api/v1/query?query={quote(expression, safe='')}")


RELOADED = "prometheus_config_last_reload_successful"

QUESTIONS = {
    "targets": ask("/api/v1/targets?state=active"),
    "rules": ask("/api/v1/rules?type=alert"),
    "alertmanagers": ask("/api/v1/alertmanagers"),
    # From itself, not from what it remembers: after a change of labels its database shows the old series for five
    # minutes beside the new one, and of a reload that just failed it knows only after its next look at itself.
    "configuration": f"{ask('/metrics')} | grep ^{RELOADED}",
    "sites": query("probe_success"),
    "certificates": query("(probe_ssl_earliest_cert_expiry-time())/86400"),
    "databases": query("pg_up"),
    "standbys": query('pg_stat_replication_pg_wal_lsn_diff{state="streaming"}'),
    "disks": query('node_filesystem_avail_bytes{fstype=~"ext4|xfs|btrfs"}'),
    "listening": "ss -Hltnp",
    "now": "date +%s",
}


def look(host: Any) -> Outputs:
    """All that Prometheus says, once it has looked at everything since this run began."""
    deadline = time.monotonic() + FRESH_SECONDS
    answers = batch(host, QUESTIONS)
    begun = float(answers.quietly("now") or 0)
    standbys = max(0, len(hosts("database")) - 1)
    while not settled(answers, begun, len(endpoints()), standbys) and time.monotonic() < deadline:
        pause(2)
        answers = batch(host, QUESTIONS)
    return answers


def settled(answers: Outputs, begun: float, expected_sites: int, expected_standbys: int) -> bool:
    """True once each target was looked at after ``begun`` (seconds since the epoch): what was well may be over.

    And once it saw all standbys: after its primary was restarted, a standby comes back some seconds later.
    """
    try:
        targets = json.loads(answers.quietly("targets"))["data"]["activeTargets"]
        sites, standbys = (json.loads(answers.quietly(name))["data"]["result"] for name in ("sites", "standbys"))
    except (ValueError, KeyError, TypeError):
        return False  # It is only starting.
    complete = len(sites) == expected_sites and len(standbys) >= expected_standbys
    return bool(targets) and complete and all(looked_at(target) > begun for target in targets)


def looked_at(target: dict[str, Any]) -> float:
    """Seconds since the epoch of Prometheus' last look at a target; far in the past before the first."""
    return datetime.fromisoformat(f"{target['lastScrape'][:19]}+00:00").timestamp()


def data(state: Outputs, name: str) -> Any:
    """The data of one answer of Prometheus' API."""
    text = state.quietly(name)
    try:
        answer = json.loads(text)
    except ValueError:
        raise AssertionError(f"Prometheus does not answer: {text[:200] or 'nothing'}") from None
    assert answer.get("status") == "success", f"Prometheus answers: {answer.get('error', text[:200])}"
    return answer["data"]


def values(state: Outputs, name: str) -> list[tuple[dict[str, str], float]]:
    """The labels and values of a query."""
    return [(row["metric"], float(row["value"][1])) for row in data(state, name)["result"]]


def reloaded(state: Outputs) -> bool:
    """Whether the last reload of its configuration succeeded, by its own metrics."""
    return state["configuration"].split() == [RELOADED, "1"]


def target_of(state: Outputs, job: str, label: str, value: str, evidence: Note) -> dict[str, Any]:
    """The one target of a job with this label. Fails when nobody watches it, or when Prometheus gets no metrics."""
    found = [
        target
        for target in data(state, "targets")["activeTargets"]
        if target["labels"]["job"] == job and target["labels"].get(label) == value
    ]
    assert found, f"Prometheus has no target for {value} in its job {job}"
    target: dict[str, Any] = found[0]
    evidence(f"target of {value}", {key: target[key] for key in ("scrapeUrl", "health", "lastError", "lastScrape")})
    assert target["health"] == "up", f"{target['scrapeUrl']} is {target['health']}: {target['lastError']}"
    return target


def rules(state: Outputs) -> dict[str, list[dict[str, Any]]]:
    """The loaded alert rules by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group in data(state, "rules")["groups"]:
        for rule in group["rules"]:
            found.setdefault(rule["name"], []).append(rule)
    return found
