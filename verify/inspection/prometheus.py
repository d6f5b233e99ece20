"""What Prometheus on the management host reports over its API, once it has scraped everything again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote

from landscape import ports
from verify.inspection.expectations import endpoints, hosts
from verify.inspection.gathering import Outputs, batch
from verify.inspection.waiting import wait_until

PROMETHEUS = f"http://127.0.0.1:{ports.PROMETHEUS}"
FRESH_SECONDS = 30.0
"""Twice the scrape interval: by then each target has been scraped again."""

Note = Callable[[str, object], None]


def ask(path: str) -> str:
    """A command that prints the API's answer for a path."""
    return f"curl --silent --show-error --max-time 10 {shlex.quote(PROMETHEUS + path)}"


def query(expression: str) -> str:
    """A command that prints the value of a PromQL expression."""
    return ask(f"/api/v1/query?query={quote(expression, safe='')}")


RELOADED = "prometheus_config_last_reload_successful"

QUESTIONS = {
    "targets": ask("/api/v1/targets?state=active"),
    "rules": ask("/api/v1/rules?type=alert"),
    "alertmanagers": ask("/api/v1/alertmanagers"),
    # From its own metrics, not from its database: after a change of labels that holds the old series for five more
    # minutes next to the new one, and learns of a failed reload only at the next scrape of itself.
    "configuration": f"{ask('/metrics')} | grep ^{RELOADED}",
    "sites": query("probe_success"),
    "certificates": query("(probe_ssl_earliest_cert_expiry-time())/86400"),
    "databases": query("pg_up"),
    "standbys": query('pg_stat_replication_pg_wal_lsn_diff{state="streaming"}'),
    "disks": query('node_filesystem_avail_bytes{fstype=~"ext4|xfs|btrfs"}'),
    "listening": "ss -Hltnp",
}


def look(host: Any) -> Outputs:
    """Everything that Prometheus reports, once it has scraped all targets since this began."""
    begun = float(batch(host, {"now": "date +%s"}).peek("now") or 0)
    standbys = max(0, len(hosts("database")) - 1)
    return wait_until(
        lambda: batch(host, QUESTIONS),
        lambda answers: is_fresh(answers, begun, len(endpoints()), standbys),
        FRESH_SECONDS,
        every=2,
    )


def is_fresh(answers: Outputs, begun: float, expected_sites: int, expected_standbys: int) -> bool:
    """Whether each target was scraped after ``begun`` (seconds since the epoch), and all standbys were seen.

    What an earlier scrape found may no longer hold. A standby reconnects some seconds after its primary's restart.
    """
    try:
        targets = json.loads(answers.peek("targets"))["data"]["activeTargets"]
        sites, standbys = (json.loads(answers.peek(name))["data"]["result"] for name in ("sites", "standbys"))
    except (ValueError, KeyError, TypeError):
        return False  # It is still starting.
    complete = len(sites) == expected_sites and len(standbys) >= expected_standbys
    return bool(targets) and complete and all(scraped_at(target) > begun for target in targets)


def scraped_at(target: dict[str, Any]) -> float:
    """When Prometheus last scraped a target, in seconds since the epoch; far in the past before the first time."""
    return datetime.fromisoformat(f"{target['lastScrape'][:19]}+00:00").timestamp()


def data(state: Outputs, name: str) -> Any:
    """The data in one answer of Prometheus' API. Fails if there is none."""
    text = state.peek(name)
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
    """Whether the last reload of its configuration succeeded, according to its own metrics."""
    return state["configuration"].split() == [RELOADED, "1"]


def target_of(state: Outputs, job: str, label: str, value: str, evidence: Note) -> dict[str, Any]:
    """The one target of a job with this label. Fails if Prometheus does not watch it, or gets no metrics from it."""
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
    """The loaded alert rules, by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for group in data(state, "rules")["groups"]:
        for rule in group["rules"]:
            found.setdefault(rule["name"], []).append(rule)
    return found
