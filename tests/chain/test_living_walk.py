"""The whole chain on one living rehearsal, as the person sees it who has just brought it up."""

from __future__ import annotations

import json
import uuid

import pytest

from console import ExitCode
from tests.living import STACK, Rehearsal

pytestmark = [pytest.mark.booted, pytest.mark.timeout(1800)]

AREAS = ("ambulant", "stationaer", "kita", "teilhabe", "beratung", "pep")


def _curl(rehearsal: Rehearsal, *arguments: str) -> str:
    """From the Internet, with the vantage point's own trust and resolver; returns the status and the body."""
    words = " ".join(f"'{argument}'" for argument in arguments)
    return rehearsal.ssh("outside", f"curl --silent --max-time 20 --write-out '\\n%{{http_code}}' {words}").stdout


def _sql(rehearsal: Rehearsal, host: str, statement: str) -> str:
    return rehearsal.ssh(host, f'sudo -u postgres psql -d vivendi -tAc "{statement}"').stdout.strip()


def _reaches(rehearsal: Rehearsal, host: str, address: str, port: int) -> int:
    """Exit code of a connection: 0 it answers, 124 it times out, 1 it is refused."""
    attempt = f"timeout 5 bash -c '</dev/tcp/{address}/{port}' 2>/dev/null"
    return rehearsal.ssh(host, attempt, check=False).returncode


def test_nine_hosts_came_up(rehearsal: Rehearsal) -> None:
    for name in rehearsal.inventory.hosts:
        assert rehearsal.ssh(name, "hostname").stdout.strip() == name


def test_cloud_init_is_done_without_errors_on_every_host(rehearsal: Rehearsal) -> None:
    for name in rehearsal.inventory.hosts:
        reported = rehearsal.ssh(name, "sudo cloud-init status --long").stdout
        assert "status: done" in reported, f"{name}: {reported}"


def test_a_second_preview_finds_nothing_to_do(rehearsal: Rehearsal) -> None:
    for _ in range(2):
        rehearsal.pulumi("preview", "--refresh", "--expect-no-changes")


def test_nothing_is_pending_on_converged_hosts(rehearsal: Rehearsal) -> None:
    assert rehearsal.fab("hosts.plan").returncode == ExitCode.DONE


@pytest.mark.parametrize("area", AREAS)
def test_a_mobile_site_answers_strangers_over_https(rehearsal: Rehearsal, area: str) -> None:
    endpoint = rehearsal.inventory.endpoints[area]
    body, status = _curl(rehearsal, f"https://{endpoint.host_name}{endpoint.health_path}").rsplit("\n", 1)
    assert status == "200", body
    assert json.loads(body)["area"] == area


def test_a_record_posted_twice_is_one_row_on_primary_and_standby(rehearsal: Rehearsal) -> None:
    endpoint = rehearsal.inventory.endpoints["ambulant"]
    record = str(uuid.uuid4())
    message = json.dumps({"device": "tablet 7", "records": [{"id": record, "data": {"note": "Besuch"}}], "since": 0})
    address = f"https://{endpoint.host_name}{endpoint.sync_path}"
    first, second = (
        json.loads(
            _curl(rehearsal, "--header", "Content-Type: application/json", "--data", message, address).rsplit("\n", 1)[
                0
            ]
        )
        for _ in range(2)
    )
    assert first["accepted"] == [record]
    assert second["duplicates"] == [record]
    count = f"SELECT count(*) FROM ambulant.record WHERE id = '{record}'"
    by_recovery = {_sql(rehearsal, host, "SELECT pg_is_in_recovery()"): host for host in ("db01", "db02")}
    assert set(by_recovery) == {"f", "t"}
    assert _sql(rehearsal, by_recovery["f"], count) == "1"
    # Streaming is not synchronous: the standby is asked until it has replayed what the primary had written by now.
    position = _sql(rehearsal, by_recovery["f"], "SELECT pg_current_wal_lsn()")
    replayed = f"SELECT pg_last_wal_replay_lsn() >= '{position}'::pg_lsn"
    assert any(_sql(rehearsal, by_recovery["t"], replayed) == "t" for _ in range(50)), "the standby does not follow"
    assert _sql(rehearsal, by_recovery["t"], count) == "1"


def test_the_gateway_blocks_an_injection_that_the_web_host_itself_would_not(rehearsal: Rehearsal) -> None:
    endpoint = rehearsal.inventory.endpoints["kita"]
    attack = "/info?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20"
    assert _curl(rehearsal, f"https://{endpoint.host_name}{attack}").endswith("\n403")
    web = rehearsal.inventory.hosts_of("web")[0].address
    straight = f"curl --silent --output /dev/null --write-out '%{{http_code}}' -H 'Host: {endpoint.host_name}'"
    assert rehearsal.ssh("mgmt01", f"{straight} 'http://{web}{attack}'").stdout not in ("403", "000")


def test_a_flow_of_the_table_answers_and_any_other_times_out(rehearsal: Rehearsal) -> None:
    database = str(rehearsal.inventory.hosts["db01"].address)
    assert _reaches(rehearsal, "app01", database, 5432) == 0
    assert _reaches(rehearsal, "web01", database, 5432) == 124


def test_what_is_changed_by_hand_is_named_and_repaired(breakable: Rehearsal) -> None:
    breakable.ssh("app01", "sudo chmod 0666 /etc/vivendi/pep.conf")
    planned = breakable.fab("hosts.plan", "--limit", "app01", check=False)
    assert planned.returncode == ExitCode.PENDING
    assert "/etc/vivendi/pep.conf" in planned.stdout
    assert breakable.ssh("app01", "stat -c %a /etc/vivendi/pep.conf").stdout.strip() == "666"
    breakable.fab("hosts.converge", "--limit", "app01")
    assert breakable.ssh("app01", "stat -c %a /etc/vivendi/pep.conf").stdout.strip() == "644"
    breakable.fab("hosts.plan", "--limit", "app01")


BEYOND_MENDING = {
    "db01": "systemctl kill --signal=KILL postgresql@15-main; rm -rf /data/postgresql/15/main/base",
    "db02": "rm -rf /data/postgresql/15/main/pg_wal",
    "file01": "rm -rf /srv/files/documents /srv/files/backups/archive",
    "web01": "rm -rf /etc/nginx /usr/sbin/nginx",
    "mgmt01": "rm -rf /var/lib/prometheus/metrics2",
    "xfer01": "chmod -R a+rwX /srv/transfer",
}
"""What would need a restore, a new installation, or thought."""


def test_a_reset_brings_a_wrecked_fleet_back_to_go_and_nothing_is_left_to_converge(breakable: Rehearsal) -> None:
    for host, command in BEYOND_MENDING.items():
        breakable.ssh(host, f"sudo sh -c '{command}'")
    breakable.fab("rehearsal.kill", "app02")
    breakable.fab("rehearsal.stop", "web02")
    breakable.fab("rehearsal.reset")
    ready = breakable.fab("verify.ready", check=False)
    assert ready.returncode == ExitCode.DONE, ready.stdout
    assert "Nothing is pending on 9 hosts." in breakable.fab("hosts.plan").stdout
    breakable.pulumi("preview", "--refresh", "--expect-no-changes")


def test_no_go_names_a_service_that_is_stopped(breakable: Rehearsal) -> None:
    breakable.ssh("app01", "sudo systemctl stop vivendi-teilhabe")
    try:
        verdict = breakable.fab("verify.ready", check=False)
    finally:
        breakable.ssh("app01", "sudo systemctl start vivendi-teilhabe")
    assert verdict.returncode == ExitCode.NO_GO
    assert "app01" in verdict.stdout
    assert "teilhabe" in verdict.stdout
    endpoint = breakable.inventory.endpoints["teilhabe"]
    assert _curl(breakable, f"https://{endpoint.host_name}{endpoint.health_path}").endswith("\n200")


def test_production_cannot_be_touched_from_here(rehearsal: Rehearsal) -> None:
    refused = rehearsal.run("pulumi", "up", "--yes", "--stack", "prod", check=False)
    assert refused.returncode != 0
    assert "does not exist in the rehearsal" in refused.stderr


def test_the_clone_stays_clean(rehearsal: Rehearsal) -> None:
    assert rehearsal.run("git", "status", "--porcelain").stdout == ""
    assert (rehearsal.folder / ".livegang" / STACK / "ssh_config").exists()
