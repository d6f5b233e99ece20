"""The monitoring's configuration, judged by Prometheus' own tools; its rules, by series that are good and bad."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hosts.components.manifest import Manifest
from hosts.fleet.document import in_order
from hosts.roles import monitoring, states
from hosts.states import DatabaseRole, File, Package, State, Unit
from infra.inventory.model import Inventory
from infra.stack.shared import Alerts
from toolchain import folders

Program = Callable[..., str]


def contents(inventory: Inventory, host: str, components: list[Manifest]) -> dict[str, str]:
    files = (state for state in states(inventory.hosts[host], inventory, components) if isinstance(state, File))
    return {file.path: "".join(part for part in file.content if isinstance(part, str)) for file in files}


@pytest.fixture(scope="module")
def files(inventory: Inventory, components: list[Manifest]) -> dict[str, str]:
    """The files of the management host by path."""
    return contents(inventory, "mgmt01", components)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs promtool or amtool: the machine's own, or the one in the packages that were staged for the hosts."""
    packages = {"promtool": "prometheus", "amtool": "prometheus-alertmanager"}
    folder = tmp_path_factory.mktemp("tools")

    def path_of(name: str) -> str:
        if found := shutil.which(name):
            return found
        unpacked = folder / name
        if not unpacked.exists():
            staged = sorted(folders.cache().glob(f"**/{packages[name]}_*.deb"))
            if not staged:
                pytest.skip(f"neither {name} nor a staged package with it is on this machine: make rehearse stages it")
            subprocess.run(["dpkg-deb", "--extract", staged[-1], unpacked], check=True)
        return str(unpacked / "usr/bin" / name)

    def run(name: str, *words: str | Path) -> str:
        result = subprocess.run([path_of(name), *words], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


def test_configurations_are_valid_as_the_tools_say(program: Program, files: dict[str, str], tmp_path: Path) -> None:
    for name in ("prometheus.yml", "alertmanager.yml", "rules/livegang.yml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(files[f"{monitoring.FOLDER}/{name}"].replace(monitoring.RULES, "rules"))
    assert "rule files found" in program("promtool", "check", "config", tmp_path / "prometheus.yml")
    assert "SUCCESS" in program("amtool", "check-config", tmp_path / "alertmanager.yml")


FULL, EMPTY = "100+0x500", "5+0x500"
TOLD = 'node_textfile_mtime_seconds{{host="{}",file="/var/lib/prometheus/node-exporter/livegang-{}.prom"}}'
CASES: dict[str, tuple[list[tuple[str, str]], str, list[str]]] = {
    "nothing is wrong": (
        [
            ('up{job="node",host="db01"}', "1+0x500"),
            ('probe_success{job="endpoints",endpoint="kita"}', "1+0x500"),
            ('probe_ssl_earliest_cert_expiry{endpoint="kita"}', f"{90 * 86400}+0x500"),
            ('node_filesystem_avail_bytes{host="db01",mountpoint="/data",fstype="xfs"}', "50+0x500"),
            ('node_filesystem_size_bytes{host="db01",mountpoint="/data",fstype="xfs"}', FULL),
            ("pg_up", "1+0x500"),
            ('pg_stat_replication_pg_wal_lsn_diff{application_name="db02",state="streaming"}', "1000+0x500"),
            ("livegang_drill_until_seconds", "60+0x500"),
            ('livegang_backup_completed_timestamp_seconds{host="file01",kind="any"}', "0+0x500"),
            ('livegang_backup_completed_timestamp_seconds{host="file01",kind="full"}', "0+0x500"),
            ('livegang_backup_status{host="file01"}', "0+0x500"),
            ('livegang_service_reported_timestamp_seconds{host="xfer01",service="scanner"}', "0+60x500"),
            ('livegang_service_reported_timestamp_seconds{host="xfer01",service="delivery"}', "0+60x500"),
            ('livegang_service_blocked{host="xfer01",service="scanner"}', "0+0x500"),
            ('livegang_service_blocked{host="xfer01",service="delivery"}', "0+0x500"),
            ('livegang_service_refused_files{host="xfer01",service="delivery"}', "0+0x500"),
            ('livegang_certificate_expires_timestamp_seconds{host="db01",file="x"}', f"{90 * 86400}+0x500"),
            (TOLD.format("db01", "certificates"), "0+60x500"),
        ],
        "2h",
        [],
    ),
    "a host is down": ([('up{job="node",host="db01"}', "0+0x500")], "3m", ["HostDown"]),
    "a host is down for a moment": ([('up{job="node",host="db01"}', "0+0x500")], "1m", []),
    "an exporter is down": ([('up{job="postgresql",host="db01"}', "0+0x500")], "6m", ["ExporterDown"]),
    "a site is down": ([('probe_success{job="endpoints",endpoint="kita"}', "0+0x500")], "2m", ["EndpointDown"]),
    "a certificate ends": (
        [('probe_ssl_earliest_cert_expiry{endpoint="kita"}', f"{19 * 86400}+0x500")],
        "10m",
        ["CertificateExpiring"],
    ),
    "a disk is nearly full": (
        [
            ('node_filesystem_avail_bytes{host="db01",mountpoint="/data",fstype="xfs"}', EMPTY),
            ('node_filesystem_size_bytes{host="db01",mountpoint="/data",fstype="xfs"}', FULL),
        ],
        "6m",
        ["DiskFilling"],
    ),
    "a disk fills within a day": (
        [
            ('node_filesystem_avail_bytes{host="db01",mountpoint="/data",fstype="xfs"}', "3500-5x500"),
            ('node_filesystem_size_bytes{host="db01",mountpoint="/data",fstype="xfs"}', "10000+0x500"),
        ],
        "3h",
        ["DiskFillingSoon"],
    ),
    "a unit has failed": (
        [('node_systemd_unit_state{host="app01",name="vivendi-kita.service",state="failed"}', "1+0x500")],
        "6m",
        ["UnitFailed"],
    ),
    "the database is down": ([("pg_up", "0+0x500")], "2m", ["DatabaseDown"]),
    "a standby is far behind": (
        [('pg_stat_replication_pg_wal_lsn_diff{application_name="db02",state="streaming"}', f"{65 << 20}+0x500")],
        "3m",
        ["ReplicationLag"],
    ),
    "a standby is copied anew": (
        [('pg_stat_replication_pg_wal_lsn_diff{application_name="db02",state="backup"}', "0+0x500")],
        "3m",
        ["StandbyMissing"],
    ),
    "a backup is a night late": (
        [('livegang_backup_completed_timestamp_seconds{host="file01",kind="any"}', f"-{26 * 3600}+0x500")],
        "1m",
        ["BackupTooOld"],
    ),
    "a backup is a day old": (
        [('livegang_backup_completed_timestamp_seconds{host="file01",kind="any"}', f"-{25 * 3600}+0x500")],
        "1m",
        [],
    ),
    "no full backup for too long": (
        [
            ('livegang_backup_completed_timestamp_seconds{host="file01",kind="any"}', "0+0x500"),
            ('livegang_backup_completed_timestamp_seconds{host="file01",kind="full"}', f"-{8 * 86400}+0x500"),
        ],
        "1m",
        ["BackupTooOld"],
    ),
    "pgBackRest is not content": (
        [('livegang_backup_status{host="file01"}', "6+0x500")],
        "6m",
        ["BackupRepositoryUnwell"],
    ),
    "the scanner hangs": (
        [('livegang_service_reported_timestamp_seconds{host="xfer01",service="scanner"}', "0+0x500")],
        "8m",
        ["ScannerStale"],
    ),
    "the scanner's signatures are too old": (
        [('livegang_service_blocked{host="xfer01",service="scanner"}', "1+0x500")],
        "3m",
        ["ScannerStale"],
    ),
    "the file host takes nothing": (
        [('livegang_service_blocked{host="xfer01",service="delivery"}', "1+0x500")],
        "6m",
        ["DeliveryStale"],
    ),
    "the delivery hangs": (
        [('livegang_service_reported_timestamp_seconds{host="xfer01",service="delivery"}', "0+0x500")],
        "21m",
        ["DeliveryStale"],
    ),
    "a clean file waits for a person": (
        [('livegang_service_refused_files{host="xfer01",service="delivery"}', "1+0x500")],
        "6m",
        ["DeliveryRefused"],
    ),
    "an internal certificate ends": (
        [('livegang_certificate_expires_timestamp_seconds{host="db01",file="server.crt"}', f"{44 * 86400}+0x500")],
        "6m",
        ["InternalCertificateExpiring"],
    ),
    "a host's own metrics are old": (
        [(TOLD.format("file01", "backups"), "0+0x500")],
        "16m",
        ["OwnMetricsMissing"],
    ),
    "a host tells nothing of its own": (
        [(TOLD.format("xfer01", "drop"), "_x500"), ('up{job="node",host="xfer01"}', "1+0x500")],
        "6m",
        ["OwnMetricsMissing"],
    ),
    "a host that is down tells nothing of its own either": (
        [(TOLD.format("xfer01", "drop"), "_x500"), ('up{job="node",host="xfer01"}', "0+0x500")],
        "6m",
        ["HostDown"],
    ),
    "a drill": ([("livegang_drill_until_seconds", "600+0x500")], "1m", ["Drill"]),
    "a drill whose time is over": ([("livegang_drill_until_seconds", "600+0x500")], "11m", []),
}
FOLLOWED = ('pg_stat_replication_pg_wal_lsn_diff{application_name="db02",state="streaming"}', "0+0x500")
"""Given wherever a case is not about replication: without it the standby is missing."""


@pytest.mark.parametrize(("series", "at", "expected"), CASES.values(), ids=CASES)
def test_rules_fire_when_they_must_and_only_then(
    program: Program, files: dict[str, str], tmp_path: Path, series: list[tuple[str, str]], at: str, expected: list[str]
) -> None:
    (tmp_path / "rules.yml").write_text(files[f"{monitoring.RULES}/livegang.yml"])
    names = {
        rule["alert"]
        for group in yaml.safe_load((tmp_path / "rules.yml").read_text())["groups"]
        for rule in group["rules"]
    }
    given = series if any("pg_stat_replication" in name for name, _ in series) else [*series, FOLLOWED]
    trial = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": numbers} for name, numbers in given],
                # ALERTS holds what fires, whatever labels it has.
                "promql_expr_test": [
                    {
                        "expr": f'count(ALERTS{{alertname="{name}",alertstate="firing"}})',
                        "eval_time": at,
                        "exp_samples": [{"labels": "{}", "value": 1}] if name in expected else [],
                    }
                    for name in sorted(names)
                ],
            }
        ],
    }
    (tmp_path / "trial.yml").write_text(yaml.safe_dump(trial))
    assert "SUCCESS" in program("promtool", "test", "rules", tmp_path / "trial.yml")


def test_every_rule_has_a_case_in_which_it_fires(files: dict[str, str]) -> None:
    document = yaml.safe_load(files[f"{monitoring.RULES}/livegang.yml"])
    names = {rule["alert"] for group in document["groups"] for rule in group["rules"]}
    assert names == {name for _, _, expected in CASES.values() for name in expected}


def targets(files: dict[str, str], job: str) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(files[f"{monitoring.FOLDER}/prometheus.yml"])["scrape_configs"]
    (found,) = [entry["static_configs"] for entry in jobs if entry["job_name"] == job]
    return list(found)


def test_every_host_site_and_database_is_a_target(files: dict[str, str], inventory: Inventory) -> None:
    nodes = {entry["labels"]["host"]: entry["targets"] for entry in targets(files, "node")}
    assert nodes == {host.name: [f"{host.address}:9100"] for host in inventory.hosts.values()}
    assert [entry["labels"]["host"] for entry in targets(files, "postgresql")] == ["db01", "db02"]
    sites = {entry["labels"]["endpoint"]: entry["targets"] for entry in targets(files, "endpoints")}
    assert sites == {name: [f"https://{name}.sample.test/health"] for name in inventory.endpoints}


def test_each_endpoint_has_its_own_shortest_life_of_a_certificate(
    inventory: Inventory, components: list[Manifest]
) -> None:
    endpoints = dict(inventory.endpoints)
    endpoints["pep"] = endpoints["pep"].model_copy(update={"minimum_certificate_days": 45})
    changed = contents(inventory.model_copy(update={"endpoints": endpoints}), "mgmt01", components)
    text = changed[f"{monitoring.RULES}/livegang.yml"]
    assert 'endpoint=~"ambulant|stationaer|kita|teilhabe|beratung"} - time()) / 86400 < 20' in text
    assert 'endpoint=~"pep"} - time()) / 86400 < 45' in text


def test_one_database_host_has_no_rules_about_replication(inventory: Inventory, components: list[Manifest]) -> None:
    hosts = {name: host for name, host in inventory.hosts.items() if name != "db02"}
    changed = contents(inventory.model_copy(update={"hosts": hosts}), "mgmt01", components)
    text = changed[f"{monitoring.RULES}/livegang.yml"]
    assert "DatabaseDown" in text
    assert "Replication" not in text
    assert "Standby" not in text


def test_people_are_notified_where_the_stack_names_them_and_the_log_in_any_case(
    inventory: Inventory, components: list[Manifest], files: dict[str, str]
) -> None:
    def reported(texts: dict[str, str]) -> list[str]:
        (receiver,) = yaml.safe_load(texts[f"{monitoring.FOLDER}/alertmanager.yml"])["receivers"]
        return [entry["url"] for entry in receiver["webhook_configs"]]

    named = inventory.model_copy(update={"alerts": Alerts(webhook="https://alerts.test/hook")})
    assert reported(files) == ["http://127.0.0.1:9099/"]
    assert reported(contents(named, "mgmt01", components)) == ["http://127.0.0.1:9099/", "https://alerts.test/hook"]


def wanted(inventory: Inventory, host: str, components: list[Manifest]) -> list[State]:
    return in_order(states(inventory.hosts[host], inventory, components))


@pytest.mark.parametrize(
    ("host", "package"),
    [
        ("web01", "prometheus-node-exporter"),
        ("db02", "prometheus-postgres-exporter"),
        ("mgmt01", "prometheus"),
        ("mgmt01", "prometheus-alertmanager"),
        ("mgmt01", "prometheus-blackbox-exporter"),
    ],
)
def test_a_service_is_configured_before_its_package_starts_it(
    inventory: Inventory, components: list[Manifest], host: str, package: str
) -> None:
    ordered = wanted(inventory, host, components)
    places = [state.identity for state in ordered]
    drop_in = f"file /etc/systemd/system/{package}.service.d/10-livegang.conf"
    # All packages come with the first of them.
    first = next(index for index, state in enumerate(ordered) if isinstance(state, Package))
    assert places.index(drop_in) < first < places.index(f"unit {package}.service")


def test_the_servers_are_reached_by_the_loopback_and_exporters_by_the_hosts_address(
    inventory: Inventory, components: list[Manifest], files: dict[str, str]
) -> None:
    for package in ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter"):
        text = files[f"/etc/systemd/system/{package}.service.d/10-livegang.conf"]
        assert "--web.listen-address=127.0.0.1:" in text
    for host, package in (("db01", "prometheus-postgres-exporter"), ("file01", "prometheus-node-exporter")):
        text = contents(inventory, host, components)[f"/etc/systemd/system/{package}.service.d/10-livegang.conf"]
        assert f"--web.listen-address={inventory.hosts[host].address}:" in text


def test_postgresqls_exporter_has_no_password_and_reads_only(inventory: Inventory, components: list[Manifest]) -> None:
    (role,) = [
        state
        for state in wanted(inventory, "db01", components)
        if isinstance(state, DatabaseRole) and state.role == "prometheus"
    ]
    assert (role.password, role.member_of, role.database) == (None, ("pg_monitor",), None)
    exporter = contents(inventory, "db01", components)
    assert "password" not in exporter["/etc/systemd/system/prometheus-postgres-exporter.service.d/10-livegang.conf"]


def test_a_service_follows_its_files(inventory: Inventory, components: list[Manifest]) -> None:
    units = {state.name: state for state in wanted(inventory, "mgmt01", components) if isinstance(state, Unit)}
    assert units["prometheus.service"].reload_on == (
        "file /etc/prometheus/prometheus.yml",
        "file /etc/prometheus/rules/livegang.yml",
    )
    assert "file /usr/local/lib/livegang/alert_log.py" in units["livegang-alert-log.service"].restart_on
