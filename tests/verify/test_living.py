"""The suites against nine booted hosts: they find what is broken, where it is, and nothing else."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from console import ExitCode
from tests.chain.load import steady_load
from tests.living import STACK, Rehearsal

pytestmark = pytest.mark.booted

PSQL = "cd / && sudo -u postgres psql -XAtq"
HBA = "/etc/postgresql/15/main/pg_hba.conf"
SERVICE = "/opt/vivendi/pep/current/vivendi_standin/service.py"


@dataclass(frozen=True)
class Mutation:
    """One thing broken by hand on one host, how to repair it, and the reason that readiness must report."""

    host: str
    broken: str
    repaired: str
    reason: str


MUTATIONS = [
    Mutation(
        "app01",
        "echo PasswordAuthentication yes > /etc/ssh/sshd_config.d/00-test.conf; systemctl reload ssh",
        "rm /etc/ssh/sshd_config.d/00-test.conf; systemctl reload ssh",
        "sshd: passwordauthentication is yes, not no",
    ),
    Mutation("app01", "chmod 644 /etc/vivendi/kita.password", "chmod 640 /etc/vivendi/kita.password", "may read the"),
    Mutation("app02", f"echo '# x' >> {SERVICE}", f"sed -i '$d' {SERVICE}", "1 files differ from"),
    Mutation("web01", "nft flush ruleset", "systemctl restart nftables", "no input chain of the host's firewall drops"),
    Mutation(
        "web02",
        "sed -i.bak '/10.77.2.5:8003/d' /etc/nginx/nginx.conf; systemctl reload nginx",
        "mv /etc/nginx/nginx.conf.bak /etc/nginx/nginx.conf; systemctl reload nginx",
        "no upstream for kita on app02",
    ),
    Mutation(
        "db01",
        f"{PSQL} -c \"alter system set ssl_min_protocol_version='TLSv1.2'\" -c 'select pg_reload_conf()'",
        f"{PSQL} -c 'alter system reset ssl_min_protocol_version' -c 'select pg_reload_conf()'",
        "PostgreSQL accepts TLSv1.2",
    ),
    Mutation(
        "db02",
        f"cp -p {HBA} {HBA}.bak; echo 'hostssl all postgres 0.0.0.0/0 trust' >> {HBA}; systemctl reload postgresql",
        f"cat {HBA}.bak > {HBA}; rm {HBA}.bak; systemctl reload postgresql",
        "from app01: lets in",
    ),
    Mutation(
        "file01",
        "sed -i.bak 's/smb encrypt = required/smb encrypt = desired/' /etc/samba/smb.conf; systemctl reload smbd",
        "mv /etc/samba/smb.conf.bak /etc/samba/smb.conf; systemctl reload smbd",
        "server smb encrypt is desired, not required",
    ),
    Mutation("file01", "chmod 2775 /srv/files/documents/kita", "chmod 2770 /srv/files/documents/kita", "kita is root"),
    Mutation("file01", "printf 'x\nx\n' | smbpasswd -s -a ops", "smbpasswd -x ops", "undeclared accounts: ops"),
    Mutation(
        "file01",
        "systemctl stop livegang-backup-incr.timer",
        "systemctl start livegang-backup-incr.timer",
        "livegang-backup-incr.timer is enabled and inactive",
    ),
    Mutation(
        "file01", "systemd-run -q --unit=broken --wait false", "systemctl reset-failed broken", "failed: broken.service"
    ),
    Mutation(
        "xfer01",
        "sed -i 's/^AlertExceedsMax yes/AlertExceedsMax no/' /etc/clamav/clamd.conf",
        "sed -i 's/^AlertExceedsMax no/AlertExceedsMax yes/' /etc/clamav/clamd.conf",
        "clamd: AlertExceedsMax no",
    ),
    Mutation(
        "xfer01",
        "systemctl stop transfer-scanner",
        "systemctl start transfer-scanner",
        "transfer-scanner is not running",
    ),
    Mutation(
        "file01",
        "systemctl stop prometheus-node-exporter",
        "systemctl start prometheus-node-exporter",
        ":9100/metrics is down",
    ),
    Mutation(
        "xfer01",
        "echo 'APT::Periodic::Unattended-Upgrade \"0\";' > /etc/apt/apt.conf.d/99test",
        "rm /etc/apt/apt.conf.d/99test",
        "APT::Periodic::Unattended-Upgrade is 0, not 1",
    ),
    # It is up almost whenever one looks.
    Mutation(
        "app02",
        "systemd-run -q --unit=flapper -p Restart=always -p RestartSec=1 -p StartLimitIntervalSec=0 sleep 2",
        "systemctl stop flapper",
        "keeps restarting: flapper.service",
    ),
    # Last, so that it is repaired first: what was broken in this folder is repaired after it.
    Mutation(
        "web02",
        "mount --bind /etc /etc && mount -o remount,bind,ro /etc",
        "umount --lazy /etc",
        "/etc is mounted read-only",
    ),
]


def by_host(rehearsal: Rehearsal, commands: list[tuple[str, str]], check: bool) -> None:
    """Run commands as root, on all hosts concurrently, each host's own one after another even if one fails."""
    scripts: dict[str, str] = {}
    for host, command in commands:
        scripts[host] = scripts.get(host, "status=0") + f"; ( {command} ) || status=1"
    with ThreadPoolExecutor(len(scripts)) as pool:
        orders = [
            pool.submit(rehearsal.ssh, host, f"sudo sh -c {shlex.quote(f'{script}; exit $status')}", check=check)
            for host, script in scripts.items()
        ]
        for order in orders:
            order.result()


@contextmanager
def mutated(rehearsal: Rehearsal, mutations: list[Mutation]) -> Iterator[None]:
    by_host(rehearsal, [(mutation.host, mutation.broken) for mutation in mutations], check=False)
    try:
        yield
    finally:
        by_host(rehearsal, [(mutation.host, mutation.repaired) for mutation in reversed(mutations)], check=True)


def ready(rehearsal: Rehearsal, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and the report of a readiness run."""
    status = rehearsal.fab("verify.ready", *arguments, check=False).returncode
    report = rehearsal.folder / ".livegang" / STACK / "report" / "readiness.json"
    return status, json.loads(report.read_text())


def test_everything_broken_is_named_and_nothing_else(breakable: Rehearsal) -> None:
    with mutated(breakable, MUTATIONS):
        status, report = ready(breakable)
    assert status == ExitCode.NO_GO
    causes = {(cause["subject"], cause["reason"]) for cause in report["causes"]}
    unnamed = [m for m in MUTATIONS if not any(m.host == host and m.reason in reason for host, reason in causes)]
    assert not unnamed, causes
    more = {
        (host, reason) for host, reason in causes if not any(m.host == host and m.reason in reason for m in MUTATIONS)
    }
    assert not more
    assert len(causes) == len(MUTATIONS), causes


def test_a_selection_is_not_checked(rehearsal: Rehearsal) -> None:
    status, report = ready(rehearsal, "--limit", "web01")
    assert (status, report["verdict"]) == (ExitCode.NOT_CHECKED, "NOT CHECKED")


def test_a_host_that_is_off_is_not_checked_and_not_one_request_fails(breakable: Rehearsal) -> None:
    with steady_load(breakable, per_second=20) as load:
        breakable.fab("rehearsal.stop", "web01")
        try:
            status, report = ready(breakable)
            shown = breakable.fab("rehearsal.status").stdout
        finally:
            breakable.fab("rehearsal.start", "web01")
    assert load["sent"] > 100
    assert load["failed"] == []
    assert backend_health(shown) == {"web01": "Unhealthy", "web02": "Healthy"}
    assert (status, report["verdict"]) == (ExitCode.NOT_CHECKED, "NOT CHECKED")
    assert [cause["subject"] for cause in report["causes"]] == ["web01"]
    outcomes = {check["outcome"] for check in report["checks"] if check["title"] == "health is good"}
    assert outcomes == {"passed"}


def backend_health(shown: str) -> dict[str, str]:
    """The health of the servers behind the gateway by host, as `rehearsal.status` shows it."""
    rows = [line.split() for line in shown.partition("Behind the gateway")[2].splitlines()]
    return {words[1]: words[3] for words in rows if words[:1] == ["web"]}


def test_a_full_data_disk_is_one_cause_in_converge_and_in_verify(breakable: Rehearsal) -> None:
    # Most of it is allocated, not written: so the machine's own disk is not filled. What xfs has set aside for a write
    # that failed is free again once all is on the disk, so the rest may take more than one file.
    fill = """
        systemctl stop postgresql@15-main
        mkdir /data/filling
        free() { sync -f /data; df --output=avail -B1 /data | tail -n1; }
        fallocate -l $(($(free) - (64 << 20))) /data/filling/most
        while [ $(free) -ge $((1 << 20)) ]; do cp /dev/zero $(mktemp -p /data/filling); done
        systemctl start postgresql@15-main
    """
    breakable.ssh("db02", f"sudo sh -c '{fill}'", check=False)
    try:
        status, report = ready(breakable, "--limit", "db02")
        converged = breakable.fab("hosts.converge", "--limit", "db02", check=False)
    finally:
        breakable.ssh("db02", "sudo rm -rf /data/filling")
        breakable.fab("hosts.converge", "--limit", "db02")
    assert status == ExitCode.NO_GO
    (cause,) = report["causes"]
    assert (cause["subject"], cause["component"]) == ("db02", "storage")
    assert "/data is full: 0 of" in cause["reason"]
    assert len(cause["consequences"]) > 3
    assert converged.returncode == ExitCode.FAILED
    assert converged.stdout.count("✗") == 1
    assert "✗ unit postgresql@15-main.service: /data is full: " in converged.stdout


def test_a_stopped_primary_is_reported_once(breakable: Rehearsal) -> None:
    breakable.ssh("db01", "sudo systemctl stop postgresql@15-main")
    try:
        status, report = ready(breakable)
    finally:
        breakable.ssh("db01", "sudo systemctl start postgresql@15-main")
    assert status == ExitCode.NO_GO
    assert [(cause["subject"], cause["component"]) for cause in report["causes"]] == [("db01", "postgresql")]
    assert len(report["causes"][0]["consequences"]) > 30


def test_no_password_is_in_the_report(rehearsal: Rehearsal) -> None:
    folder = rehearsal.folder / ".livegang" / STACK / "report"
    if not folder.exists():
        ready(rehearsal)  # else the report of the test before is there, in whose run many checks failed
    reports = [path.read_text() for path in folder.iterdir()]
    assert reports
    for area in ("ambulant", "pep"):
        password = rehearsal.ssh("app01", f"sudo cat /etc/vivendi/{area}.password").stdout.strip()
        assert len(password) > 10
        assert not any(password in report for report in reports)
