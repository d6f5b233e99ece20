"""On nine booted hosts: drift by hand is found exactly, mended, and nothing is shown that must not be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from console import ExitCode
from tests.living import STACK, Rehearsal

pytestmark = pytest.mark.booted


def outcome(rehearsal: Rehearsal, mode: str) -> dict[str, Any]:
    file = rehearsal.folder / ".livegang" / STACK / f"{mode}.json"
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def found(rehearsal: Rehearsal, mode: str, *statuses: str) -> set[tuple[str, str]]:
    return {
        (host, result["state"])
        for host, report in outcome(rehearsal, mode)["hosts"].items()
        for result in report["results"]
        if result["status"] in statuses
    }


def test_a_converged_landscape_has_nothing_pending(rehearsal: Rehearsal) -> None:
    assert "Nothing is pending on 9 hosts." in rehearsal.fab("hosts.plan").stdout


BY_HAND = {
    ("app01", "file /etc/vivendi/pep.conf"): "chmod 600 /etc/vivendi/pep.conf",
    ("web01", "file /etc/nginx/nginx.conf"): "sed -i 's/server_tokens off/server_tokens on/' /etc/nginx/nginx.conf",
    ("file01", "unit chrony.service"): "systemctl stop chrony",
    ("app02", "package python3-psycopg2"): "apt-get -qq remove -y python3-psycopg2",
    ("db01", "database role replicator"): "su postgres -c 'psql -qc \"DROP ROLE replicator\"'",
    ("file01", "share user smb-kita"): "sh -c 'printf \"x\\nx\\n\" | smbpasswd -s smb-kita'",
    ("xfer01", "firewall nftables"): "nft add rule inet host input tcp dport 23 accept",
    ("mgmt01", "sysctl net.ipv4.tcp_syncookies"): "sysctl -qw net.ipv4.tcp_syncookies=0",
    ("db02", "file /etc/postgresql/tls/server.key"): "sh -c 'echo >> /etc/postgresql/tls/server.key'",
}


def test_what_was_changed_by_hand_is_found_exactly_not_touched_repaired_and_gone(breakable: Rehearsal) -> None:
    for (host, _), command in BY_HAND.items():
        breakable.ssh(host, f"sudo {command}")
    for _ in range(2):  # The first plan touched nothing: the second finds the same.
        planned = breakable.fab("hosts.plan", check=False)
        assert planned.returncode == ExitCode.PENDING, planned.stdout + planned.stderr
        assert found(breakable, "plan", "pending", "failed", "unknown") == set(BY_HAND)
    assert "Pending: 9 changes on 8 hosts; nothing was touched." in planned.stderr
    breakable.fab("hosts.converge")
    assert found(breakable, "converge", "changed", "failed") == set(BY_HAND)
    assert "Nothing is pending" in breakable.fab("hosts.plan").stdout


def test_a_limit_is_a_host_a_role_or_fabs_own_option(rehearsal: Rehearsal) -> None:
    for arguments, hosts in (
        (["hosts.plan", "--limit", "web"], {"web01", "web02"}),
        (["hosts.plan", "--limit", "web01"], {"web01"}),
        (["-H", "web01", "hosts.plan"], {"web01"}),
    ):
        rehearsal.fab(*arguments)
        assert set(outcome(rehearsal, "plan")["hosts"]) == hosts


def test_a_service_that_does_not_start_fails_with_its_log_and_the_next_run_continues(breakable: Rehearsal) -> None:
    squatter = "systemd-run --quiet --collect --unit squatter python3 -m http.server 8003"
    breakable.ssh("app01", f"sudo systemctl stop vivendi-kita && sudo {squatter}")
    done = breakable.fab("hosts.converge", "--limit", "application", check=False)
    assert done.returncode == ExitCode.FAILED
    assert found(breakable, "converge", "failed", "skipped") == {("app01", "unit vivendi-kita.service")}
    assert "Address already in use" in done.stdout
    breakable.ssh("app01", "sudo systemctl stop squatter")
    breakable.fab("hosts.converge", "--limit", "application")


def test_a_run_that_was_killed_in_dpkg_is_continued(breakable: Rehearsal) -> None:
    breakable.ssh("web02", "sudo apt-get -qq remove -y nginx nginx-common")
    kill = (
        "while ! pgrep -x dpkg >/dev/null; do sleep 0.05; done; "
        "pkill -KILL -x python3; pkill -KILL -x apt-get; pkill -KILL -x dpkg"
    )
    breakable.ssh("web02", f"sudo systemd-run --quiet --collect --unit killer sh -c '{kill}'")
    broken = breakable.fab("hosts.converge", "--limit", "web02", check=False)
    assert broken.returncode == ExitCode.FAILED
    assert "the run broke off" in broken.stdout
    breakable.fab("hosts.converge", "--limit", "web02")
    assert "Nothing is pending" in breakable.fab("hosts.plan", "--limit", "web").stdout


def test_no_secret_is_reported_anywhere(rehearsal: Rehearsal) -> None:
    """A password and a key line of the real ones, looked for in everything that the operator's side keeps."""
    password = rehearsal.ssh("app01", "sudo cat /etc/vivendi/pep.password").stdout.strip()
    key = rehearsal.ssh("db01", "sudo cat /etc/postgresql/tls/server.key").stdout.splitlines()[1]
    assert len(password) >= 20
    for mode in ("plan", "converge"):
        text = (rehearsal.folder / ".livegang" / STACK / f"{mode}.json").read_text()
        assert password not in text
        assert key not in text
    for host in ("app01", "db01"):
        journal = rehearsal.ssh(host, "sudo journalctl --no-pager; sudo cat /proc/[0-9]*/cmdline | tr '\\0' ' '").stdout
        assert password not in journal
        assert key not in journal


def test_the_standby_streams_over_tls_1_3(rehearsal: Rehearsal) -> None:
    query = (
        "SELECT application_name, state, version FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE ssl;"
        "SELECT slot_name, active FROM pg_replication_slots"
    )
    said = rehearsal.ssh("db01", f'sudo -u postgres psql -qAt -c "{query}"').stdout.split()
    assert said == ["db02|streaming|TLSv1.3", "db02|t"]
