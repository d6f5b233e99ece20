"""The mobile sites as devices see them from the Internet: name, certificate, firewall, a real synchronisation."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from infra.inventory.model import Endpoint
from landscape.parties import OUTSIDE
from verify.inspection.expectations import each, endpoints, hosts, manifests, one_of, web_port
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.probes import site
from verify.inspection.run_probe import run_probe
from verify.inspection.waiting import wait_until
from verify.report.check_marker import Need, check
from verify.report.errors import HostLost
from verify.report.root_causes import PRIMARY

pytestmark = pytest.mark.parametrize("endpoint", endpoints())

ATTACK = "id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20"
LONGEST_TTL = 300
"""Seconds for which a device may still use an old address after the site has moved."""
REPLAY_SECONDS = 10
RECORDS = {endpoint.name: str(uuid.uuid4()) for endpoint in endpoints()}
"""The record that this run synchronises through each endpoint. It remains there, for the device livegang-readiness."""


def probe_request(endpoint: Endpoint) -> dict[str, str]:
    return {
        "name": endpoint.name,
        "host_name": endpoint.host_name,
        "health_path": endpoint.health_path,
        "sync_path": endpoint.sync_path,
        "record": RECORDS[endpoint.name],
        "attack": f"{endpoint.health_path}?{ATTACK}",
    }


def look(host: Any) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = run_probe(
        host, site, [probe_request(endpoint) for endpoint in endpoints()]
    )
    return found


def count_rows(host: Any) -> Outputs:
    """The number of rows of each area with this run's record, once the standby has had time to replay them."""
    SITES.of(OUTSIDE)  # its end means that the records have been sent
    tables = {component.name: f"{component.database.schema_}.record" for component in manifests()}
    databases = {component.name: component.database.name for component in manifests()}
    commands = {
        name: f"cd / && sudo -u postgres psql -XAtq -d {databases[name]} "
        f"-c \"select count(*) from {tables[name]} where id = '{record}'\""
        for name, record in RECORDS.items()
    }
    commands["recovery"] = "cd / && sudo -u postgres psql -XAtq -c 'select pg_is_in_recovery()'"
    return wait_until(
        lambda: batch(host, commands),
        lambda rows: all(rows.peek(name) == "1" for name in RECORDS),
        REPLAY_SECONDS,
        every=0.5,
    )


def look_behind(host: Any) -> Outputs:
    """The health of every area on every application host, from a web host."""
    return batch(
        host,
        {
            f"{component.name}@{application.name}": "curl -sS -m 5 --connect-timeout 2 -o /dev/null -w '%{http_code}' "
            f"http://{application.address}:{component.port}{component.health.path}"
            for component in manifests()
            for application in hosts("application")
        },
        sudo=False,
    )


def look_past_the_gateway(host: Any) -> Outputs:
    """From inside, directly at each web host: every site's health, and the attack that the gateway must block."""
    # Inside, a connection takes no time; one host that is silently cut off must not use up the time for all.
    status = "curl -sS -m 8 --connect-timeout 2 -o /dev/null -w '%{http_code}'"
    commands = {}
    for endpoint in endpoints():
        for web in hosts("web"):
            address = f"http://{web.address}:{web_port()}{endpoint.health_path}"
            asked = f"{status} -H 'Host: {endpoint.host_name}'"
            commands[f"health-{endpoint.name}@{web.name}"] = f"{asked} {address}"
            commands[f"attack-{endpoint.name}@{web.name}"] = f"{asked} '{address}?{ATTACK}'"
    return batch(host, commands, sudo=False)


SITES = Gathering(__name__, look)
ROWS = Gathering(__name__, count_rows, places=lambda: [host.name for host in hosts("database")])
BEHIND = Gathering(__name__, look_behind, places=lambda: [host.name for host in hosts("web")])
DIRECT = Gathering(__name__, look_past_the_gateway, places=lambda: [host.name for host in hosts("management")])

Note = Callable[[str, object], None]


@pytest.fixture
def seen(endpoint: Endpoint, evidence: Note) -> Callable[[str], dict[str, Any]]:
    """What was seen from outside of one part of this endpoint."""

    def part(name: str) -> dict[str, Any]:
        found = SITES.of(OUTSIDE)[endpoint.name][name]
        evidence(f"outside: {name} of {endpoint.host_name}", found)
        return found

    return part


@check("name", proves="dns:{endpoint}", at=OUTSIDE)
def test_name_leads_to_the_gateway(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """Devices find their site by this name only."""
    answer = seen("dns")
    assert "error" not in answer, f"{endpoint.host_name} has no address: {answer['error']}"
    assert answer["addresses"] == [str(endpoint.address)], (
        f"{endpoint.host_name} leads to {', '.join(answer['addresses']) or 'nothing'}, not to {endpoint.address}"
    )


@check("name", needs=["dns:{endpoint}"], at=OUTSIDE)
def test_name_has_a_short_ttl(seen: Callable[[str], dict[str, Any]]) -> None:
    """As long as devices remember an old address, the site cannot be moved."""
    answer = seen("dns")
    assert "error" not in answer, answer["error"]
    assert 0 < answer["ttl"] <= LONGEST_TTL, f"the name has a TTL of {answer['ttl']} s, more than {LONGEST_TTL} s"


@check("certificate", proves="tls:{endpoint}", needs=["dns:{endpoint}", "gateway"], at=OUTSIDE)
def test_certificate_is_trusted(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """Devices refuse a site whose certificate they cannot verify, and people must not learn to click warnings away."""
    answer = seen("tls")
    assert "error" not in answer, f"no trusted TLS connection to {endpoint.host_name}: {answer['error']}"
    assert endpoint.host_name in answer["names"] or any(
        name.startswith("*.") and endpoint.host_name.partition(".")[2] == name[2:] for name in answer["names"]
    ), f"the certificate names {', '.join(answer['names'])} only"


@check("certificate", needs=["tls:{endpoint}"], at=OUTSIDE)
def test_certificate_is_valid_for_long_enough(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """A certificate that expires during the move stops all devices."""
    answer = seen("tls")
    assert "error" not in answer, answer["error"]
    days = (answer["expires"] - time.time()) / 86400
    assert days >= endpoint.minimum_certificate_days, (
        f"the certificate is valid for {days:.0f} more days, {endpoint.minimum_certificate_days} are required"
    )


@check("tls", needs=["tls:{endpoint}"], at=OUTSIDE)
def test_tls_is_modern(seen: Callable[[str], dict[str, Any]]) -> None:
    """TLS 1.1 and older are broken."""
    answer = seen("tls")
    assert "error" not in answer, answer["error"]
    assert answer["version"] in ("TLSv1.2", "TLSv1.3"), f"the site speaks {answer['version']}"


@check("tls", needs=["tls:{endpoint}"], at=OUTSIDE)
def test_old_tls_is_refused(seen: Callable[[str], dict[str, Any]]) -> None:
    """An attacker in between can make a device and a site agree on the oldest version both accept. Twin: TLS 1.2."""
    answer = seen("old_tls")
    assert "version" not in answer, f"the site accepts {answer['version']}"
    refusals = ("alert", "closed", "reset", "eof", "unsupported protocol", "wrong version")
    assert any(word in answer["error"].lower() for word in refusals), f"not refused, but: {answer['error']}"


@check("site", needs=["dns:{endpoint}", "gateway"], at=OUTSIDE)
def test_plain_http_is_redirected(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """People who type the name without https must not stay on a connection that anyone can read."""
    answer = seen("redirect")
    assert "error" not in answer, answer["error"]
    assert answer["status"] == 301, f"http is answered with {answer['status']}"
    assert (answer["location"] or "").startswith(f"https://{endpoint.host_name}/"), f"it leads to {answer['location']}"


WORKING_SITE: tuple[Need, ...] = (
    "tls:{endpoint}",
    one_of("web", "site:{endpoint}@{member}"),
    one_of("application", "area:{endpoint}@{member}"),
    *each("application", "sound:{endpoint}@{member}"),
    PRIMARY,
)


@check("site", proves="health:{endpoint}", needs=WORKING_SITE, at=OUTSIDE)
def test_health_is_good(seen: Callable[[str], dict[str, Any]]) -> None:
    """This is what devices meet when they deliver their records."""
    answer = seen("health")
    assert "error" not in answer, f"health gives no answer: {answer['error']}"
    assert answer["status"] == 200, f"health answers {answer['status']}: {reason(answer['body'])}"


def reason(body: str) -> str:
    try:
        return str(json.loads(body).get("reason", body))
    except (ValueError, AttributeError):
        return body.strip()[:200]


@check("redundancy", needs=[*each("application", "area:{endpoint}@{member}"), PRIMARY], at=OUTSIDE)
def test_site_runs_on_every_application_host(endpoint: Endpoint) -> None:
    """On one host only, that host's failure is an outage of the area."""
    component = next(component for component in manifests() if component.name == endpoint.name)
    wanted = [application.name for application in hosts("application")]
    lost: HostLost | None = None
    best: dict[str, str] = {}
    for web in hosts("web"):
        try:
            answers = BEHIND.of(web.name)
        except HostLost as error:
            lost = error
            continue
        found = {name: answers[f"{component.name}@{name}"].strip()[-3:] for name in wanted}
        if not best or sum(status == "200" for status in found.values()) < sum(s == "200" for s in best.values()):
            best = found
    if lost is not None and not best:
        raise lost
    healthy = [name for name, status in best.items() if status == "200"]
    assert healthy == wanted, f"runs on {len(healthy)} of {len(wanted)} application hosts" + (
        f" only: {', '.join(healthy)}" if healthy else ""
    )


@check("firewall", proves="waf:{endpoint}", needs=["tls:{endpoint}"], at=OUTSIDE)
def test_attack_is_blocked_at_the_gateway(seen: Callable[[str], dict[str, Any]]) -> None:
    """An injection that reaches the application may expose 80,000 clients' records. Twin: the health check."""
    answer = seen("attack")
    assert "error" not in answer, answer["error"]
    assert answer["status"] == 403, f"an SQL injection is answered with {answer['status']}"


def past_the_gateway(what: str, endpoint: Endpoint) -> dict[str, str]:
    """The status that each web host answers directly, by host name; 000 if it does not answer."""
    answers = DIRECT.of(hosts("management")[0].name)
    return {web.name: answers[f"{what}-{endpoint.name}@{web.name}"].strip()[-3:] for web in hosts("web")}


@check(
    "firewall",
    needs=[one_of("web", "site:{endpoint}@{member}"), *each("management", "host:{member}")],
    at=OUTSIDE,
)
def test_attack_is_blocked_by_the_gateway_alone(endpoint: Endpoint) -> None:
    """If others blocked it too, the gateway's firewall could be off unnoticed. Twin: directly at the web hosts."""
    answered = {web: status for web, status in past_the_gateway("attack", endpoint).items() if status != "000"}
    assert answered, "no web host answers the same request from inside"
    assert "403" not in answered.values(), f"web hosts block it themselves: {answered}"


@check(
    "redundancy",
    needs=[*each("web", "site:{endpoint}@{member}"), *each("management", "host:{member}")],
    at=OUTSIDE,
)
def test_site_runs_on_every_web_host(endpoint: Endpoint) -> None:
    """On one web host only, that host's failure is an outage."""
    statuses = past_the_gateway("health", endpoint)
    healthy = [web for web, status in statuses.items() if status == "200"]
    assert len(healthy) == len(statuses), f"runs on {len(healthy)} of {len(statuses)} web hosts" + (
        f" only: {', '.join(healthy)}" if healthy else ""
    )


@check("synchronisation", proves="sync:{endpoint}", needs=["health:{endpoint}", *WORKING_SITE], at=OUTSIDE)
def test_record_is_accepted(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """Devices hold 72 hours of records that exist nowhere else."""
    answer = seen("sync")
    assert "error" not in answer, f"synchronisation gives no answer: {answer['error']}"
    first = answer["first"]
    assert first["status"] == 200, f"synchronisation answers {first['status']}: {reason(first['body'])}"
    assert first["accepted"] == [RECORDS[endpoint.name]], f"accepted: {first['accepted']}"


@check("synchronisation", needs=["sync:{endpoint}"], at=OUTSIDE)
def test_record_sent_again_is_a_duplicate(endpoint: Endpoint, seen: Callable[[str], dict[str, Any]]) -> None:
    """A device that missed the answer sends everything again; a visit counted twice is billed twice."""
    answer = seen("sync")
    assert "error" not in answer, answer["error"]
    second = answer["second"]
    assert second["status"] == 200, f"the second time it is answered with {second['status']}"
    assert (second["accepted"], second["duplicates"]) == ([], [RECORDS[endpoint.name]]), (
        f"accepted: {second['accepted']}, duplicates: {second['duplicates']}"
    )


def rows_on(standby: bool, endpoint: Endpoint) -> dict[str, str]:
    """The number of rows with this run's record, by database host in that role."""
    found: dict[str, str] = {}
    lost: HostLost | None = None
    for database in hosts("database"):
        try:
            rows = ROWS.of(database.name)
        except HostLost as error:
            lost = error
            continue
        if rows["recovery"].strip() == ("t" if standby else "f"):
            found[database.name] = rows[endpoint.name].strip()
    if not found and lost is not None:
        raise lost
    return found


@check("synchronisation", needs=["sync:{endpoint}", PRIMARY], at=OUTSIDE)
def test_record_is_one_row_on_the_primary(endpoint: Endpoint) -> None:
    """The answer 200 promises that the record is stored, once."""
    rows = rows_on(False, endpoint)
    assert len(rows) == 1, f"{len(rows)} database hosts accept writes"
    assert set(rows.values()) == {"1"}, f"rows with the record: {rows}"


@check(
    "synchronisation",
    needs=["sync:{endpoint}", *each("database", "standby:{member}"), *each("database", "postgresql:{member}")],
    at=OUTSIDE,
    applies=len(hosts("database")) > 1,
)
def test_record_reaches_the_standby(endpoint: Endpoint) -> None:
    """What only the primary has is lost with it."""
    rows = rows_on(True, endpoint)
    assert rows, "no database host is a standby"
    assert set(rows.values()) == {"1"}, f"rows with the record after {REPLAY_SECONDS} s: {rows}"
