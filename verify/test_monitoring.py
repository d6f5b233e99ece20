"""The monitoring on the management host: what is watched, by which rules, and that alerts arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.inventory.model import Endpoint, Host
from landscape import ports
from landscape.names import ALERT_LOG
from landscape.parties import ANY_HOST
from verify.inspection.drill import Drill, drill
from verify.inspection.expectations import each, endpoints, hosts, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.probes import reach
from verify.inspection.prometheus import data, look, reloaded, rules, target_of, values
from verify.inspection.run_probe import run_probe
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import check

testinfra_hosts = specs("management")

SERVICES = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter", ALERT_LOG)
ask_about(*SERVICES)
CLOSED_SECONDS = 2.0

Note = Callable[[str, object], None]


STATE = Gathering(__name__, look, waits=True)


@pytest.fixture
def state(host: Any) -> Outputs:
    """What Prometheus reports."""
    return STATE.of(host.backend.hostname)


WATCHING = each("management", "prometheus:{member}")


@pytest.mark.parametrize("service", SERVICES)
@check("{service}", proves="{service}:{host}", unit="{service}")
def test_service_is_running(host: Any, service: str) -> None:
    """Monitoring that does not run gives no warning, and its silence looks as if all were well."""
    assert is_running(host, service), explain(host, service)


@pytest.mark.parametrize("service", SERVICES)
@check("{service}")
def test_service_starts_at_boot(host: Any, service: str) -> None:
    """After a reboot at night no one would be warned any more."""
    assert is_enabled(host, service), f"{service} would not start at the next boot"


@pytest.mark.parametrize("target", hosts())
@check(
    "metrics",
    proves="metrics:{target}",
    needs=["host:{target}", *open_flows("management", ANY_HOST, "{host}"), *WATCHING],
)
def test_host_is_watched(target: Host, state: Outputs, evidence: Note) -> None:
    """If an unwatched host fails, those who need it are the first to notice."""
    target_of(state, "node", "host", target.name, evidence)


@pytest.mark.parametrize("target", hosts("database"))
@check(
    "metrics",
    applies=bool(hosts("database")),
    needs=["host:{target}", "postgresql:{target}", *open_flows("management", "database", "{host}"), *WATCHING],
)
def test_database_is_watched(target: Host, state: Outputs, evidence: Note) -> None:
    """A standby that falls behind is noticed nowhere else until it is needed."""
    target_of(state, "postgresql", "host", target.name, evidence)
    found = [value for labels, value in values(state, "databases") if labels.get("host") == target.name]
    assert found == [1.0], f"the exporter gets no answer from PostgreSQL: pg_up is {found}"


MOUNTED = Gathering(
    __name__,
    lambda host: batch(
        host, {"mounted": "findmnt -rn -t ext4,xfs,btrfs -o TARGET | grep -Ev '^/(dev|proc|run|sys)/'"}, sudo=False
    ),
    places=lambda: [host.name for host in hosts()],
)


@pytest.mark.parametrize("target", hosts())
@check("metrics", needs=["metrics:{target}", *WATCHING])
def test_every_file_system_is_watched(target: Host, state: Outputs, evidence: Note) -> None:
    """A rule about a disk without metrics never fires. Twin: what the host itself has mounted."""
    watched = {labels["mountpoint"] for labels, _ in values(state, "disks") if labels.get("host") == target.name}
    evidence("file systems with metrics", sorted(watched))
    mounted = set(MOUNTED.of(target.name).lines("mounted"))
    assert mounted <= watched, f"Prometheus has no metrics of {', '.join(sorted(mounted - watched))}"
    if "database" in target.roles:
        assert mounted, "its data disk is not mounted"


@pytest.mark.parametrize("endpoint", endpoints())
@check("metrics", needs=["health:{endpoint}", "prometheus-blackbox-exporter:{host}", *WATCHING])
def test_site_is_watched(endpoint: Endpoint, state: Outputs, evidence: Note) -> None:
    """If a site goes down at night, the first device in the morning is the one to notice."""
    target_of(state, "endpoints", "endpoint", endpoint.name, evidence)
    (success,) = [value for labels, value in values(state, "sites") if labels.get("endpoint") == endpoint.name]
    assert success == 1, "the site does not answer the monitoring correctly"
    (days,) = [value for labels, value in values(state, "certificates") if labels.get("endpoint") == endpoint.name]
    evidence("days for which the certificate is valid", round(days, 1))
    assert days > 0, "the monitoring sees an expired certificate"


@check("metrics", needs=[*WATCHING, *each("database", "standby:{member}")], applies=len(hosts("database")) > 1)
def test_replication_is_watched(state: Outputs, evidence: Note) -> None:
    """The rule about lag needs the primary's view of each standby."""
    expected = len(hosts("database")) - 1
    seen = {labels["application_name"]: lag for labels, lag in values(state, "standbys")}
    evidence("bytes that standbys are behind", seen)
    assert len(seen) == expected, f"Prometheus sees {len(seen)} of {expected} standbys streaming"


@check("rules", needs=WATCHING)
def test_rules_are_loaded(state: Outputs, evidence: Note) -> None:
    """Metrics without a rule warn no one."""
    wanted = {"HostDown", "ExporterDown", "EndpointDown", "CertificateExpiring", "DiskFilling", "Drill"}
    wanted |= {"DatabaseDown"} if hosts("database") else set()
    wanted |= {"ReplicationLag", "StandbyMissing"} if len(hosts("database")) > 1 else set()
    loaded = rules(state)
    evidence("rules", {name: [rule["health"] for rule in found] for name, found in loaded.items()})
    assert wanted <= set(loaded), f"not loaded: {', '.join(sorted(wanted - set(loaded)))}"
    wrong = [
        f"{name}: {rule['lastError']}" for name, found in loaded.items() for rule in found if rule.get("lastError")
    ]
    assert not wrong, f"cannot be evaluated: {wrong[0]}"


@check("prometheus", needs=WATCHING)
def test_configuration_is_in_force(state: Outputs) -> None:
    """After a failed reload, Prometheus keeps its old configuration, and says so only in this metric."""
    assert reloaded(state), "Prometheus could not read its configuration at the last reload"
    assert data(state, "alertmanagers")["activeAlertmanagers"], "Prometheus has no Alertmanager to send alerts to"


@check("access")
def test_servers_listen_on_loopback_only(state: Outputs) -> None:
    """They have no passwords: whoever reaches them can silence every alert. Twin: they do listen on the loopback."""
    sockets = [(line.split()[3], line) for line in state.lines("listening")]
    own = [(at, line) for at, line in sockets if '"prometheus' in line and '"prometheus-node' not in line]
    assert len(own) >= 3, f"only {len(own)} of three servers listen at all"
    open_ones = [at for at, _ in own if not at.startswith("127.0.0.1:")]
    assert not open_ones, f"open to the network: {', '.join(open_ones)}"


def exporters() -> list[dict[str, object]]:
    """Every exporter, as a request to the probe."""
    found: list[dict[str, object]] = []
    for host in hosts():
        exporters = [ports.NODE_EXPORTER, *([ports.POSTGRESQL_EXPORTER] if "database" in host.roles else [])]
        for port in exporters:
            found.append({"address": str(host.address), "port": port, "protocol": "tcp", "seconds": CLOSED_SECONDS})
    return found


def outsiders() -> list[str]:
    """The hosts that must not reach any exporter."""
    return [host.name for host in hosts() if "management" not in host.roles]


def knock(host: Any) -> dict[tuple[str, int], str]:
    """The outcome of asking the other hosts' exporters from this host, by address and port."""
    own = {str(peer.address) for peer in hosts() if peer.name == host.backend.hostname}
    requests = [request for request in exporters() if request["address"] not in own]
    answers = run_probe(host, reach, requests)
    return {
        (str(request["address"]), int(str(request["port"]))): answer["outcome"]
        for request, answer in zip(requests, answers, strict=True)
    }


KNOCKING = Gathering(__name__, knock, places=outsiders)


@pytest.mark.parametrize("target", hosts())
@check(
    "access",
    needs=[
        "metrics:{target}",
        *((f"host:{peer.name}",) for peer in hosts()),
    ],
)
def test_exporters_answer_management_alone(target: Host, evidence: Note) -> None:
    """For an intruder, their metrics are a map. Twin: Prometheus, which gets them."""
    for name in outsiders():
        found = {at: outcome for at, outcome in KNOCKING.of(name).items() if at[0] == str(target.address)}
        evidence(f"from {name}", "\n".join(f"{address}:{port} {outcome}" for (address, port), outcome in found.items()))
        wrong = [f"port {port} {outcome}" for (_, port), outcome in found.items() if outcome != "timeout"]
        assert not wrong, f"asked from {name}: {', '.join(wrong)}"


DRILL = Gathering(__name__, drill, waits=True)
ALERTING = (
    *WATCHING,
    *each("management", "metrics:{member}"),
    *each("management", "prometheus-alertmanager:{member}"),
    *each("management", f"{ALERT_LOG}:{{member}}"),
)


@pytest.fixture
def drilled(host: Any, evidence: Note) -> Drill:
    """The drill of this run."""
    found = DRILL.of(host.backend.hostname)
    evidence("drill", {"name": found.name, "seconds": found.seconds, "fired": found.fired, "ended": found.ended})
    return found


@check("alerts", proves="alerts:{host}", needs=ALERTING)
def test_alert_is_received(drilled: Drill) -> None:
    """An alert that fires but reaches no one is useless."""
    assert drilled.fired, f"the receiver got no alert of the drill within {drilled.seconds['firing']} s"
    labels = drilled.fired[0]["labels"]
    assert (labels["alertname"], labels["severity"]) == ("Drill", "drill"), f"it arrived as {labels}"


@check("alerts", needs=["alerts:{host}"])
def test_end_of_alert_is_received(drilled: Drill) -> None:
    """People who never hear that an alert is over stop believing the next one."""
    assert drilled.ended, f"the receiver got no end of the drill within {drilled.seconds.get('resolved')} s"


@check("alerts", needs=["alerts:{host}"])
def test_alert_that_is_not_due_is_not_sent(drilled: Drill) -> None:
    """A receiver that gets every alert proves nothing. Twin: the real drill, in the same file."""
    assert not drilled.premature, f"{len(drilled.premature)} notifications of a drill that was over"


@check("alerts", needs=["alerts:{host}"])
def test_every_receiver_takes_alerts(drilled: Drill) -> None:
    """The log on the management host may have an alert although the receiver that people use refused it."""
    assert drilled.failures == 0, f"{drilled.failures:.0f} notifications could not be delivered meanwhile"
