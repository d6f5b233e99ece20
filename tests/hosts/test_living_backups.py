"""On booted hosts: a backup is restored and compared, and what cannot be restored is not called proven."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from console import ExitCode
from tests.living import Rehearsal

pytestmark = pytest.mark.booted

PSQL = "cd / && sudo -u postgres psql -XAtq"


def test_a_backup_is_proven_and_nothing_of_the_proof_stays(breakable: Rehearsal) -> None:
    breakable.ssh("db01", f"{PSQL} -d vivendi -c 'create table kita.proof as select generate_series(1, 1000)'")
    try:
        done = breakable.fab("hosts.prove-backup")
    finally:
        breakable.ssh("db01", f"{PSQL} -d vivendi -c 'drop table kita.proof'")
    assert "Proven" in done.stdout
    assert "checksums good" in done.stdout
    assert breakable.ssh("db02", "sudo ls /data/postgresql").stdout.split() == ["15", "prove-backup.lock"]
    assert breakable.ssh("db02", f"{PSQL} -c 'select status from pg_stat_wal_receiver'").stdout.strip() == "streaming"


def backups(breakable: Rehearsal) -> list[dict[str, Any]]:
    """What pgBackRest has, oldest first."""
    said = breakable.ssh("file01", "cd / && sudo -u pgbackrest pgbackrest --output=json info").stdout
    found: list[dict[str, Any]] = json.loads(said)[0]["backup"]
    return found


def test_the_oldest_full_backup_and_its_log_make_room_for_the_fifth(breakable: Rehearsal) -> None:
    oldest = backups(breakable)[0]
    archive = "sudo find /srv/files/backups/archive -type f -name '0*-*' -printf '%f\\n'"
    assert any(name[:24] <= oldest["archive"]["stop"] for name in breakable.ssh("file01", archive).stdout.split())
    already = sum(backup["type"] == "full" for backup in backups(breakable))
    for _ in range(5 - already):
        breakable.ssh("file01", "sudo systemctl start livegang-backup@full")
    kept = backups(breakable)
    assert oldest["label"] not in {backup["label"] for backup in kept}
    assert [backup["type"] for backup in kept].count("full") == 4
    assert all(name[:24] >= kept[0]["archive"]["start"] for name in breakable.ssh("file01", archive).stdout.split())


def received(breakable: Rehearsal, name: str) -> int:
    """How often the receiver of alerts was notified that this one fires."""
    said = breakable.ssh("mgmt01", f"sudo grep -F {name} /var/lib/livegang-alert-log/alerts.jsonl", check=False).stdout
    alerts = [alert for line in said.splitlines() for alert in json.loads(line)["alerts"]]
    return sum(alert["labels"]["alertname"] == name and alert["status"] == "firing" for alert in alerts)


def test_backups_that_are_gone_are_not_proven_and_someone_is_alerted(breakable: Rehearsal) -> None:
    folder = "/srv/files/backups/backup"
    before = received(breakable, "BackupTooOld")
    breakable.ssh("file01", f"sudo mv {folder} {folder}.away && sudo systemctl start livegang-metrics")
    try:
        done = breakable.fab("hosts.prove-backup", check=False)
        deadline = time.monotonic() + 120
        while received(breakable, "BackupTooOld") == before and time.monotonic() < deadline:
            time.sleep(2)  # then look again, until the deadline
    finally:
        breakable.ssh("file01", f"sudo mv {folder}.away {folder} && sudo systemctl start livegang-metrics")
    assert received(breakable, "BackupTooOld") > before
    assert done.returncode == ExitCode.FAILED
    assert "failed on db02" in done.stderr
    assert "Proven" not in done.stdout
    assert breakable.ssh("db02", "sudo ls /data/postgresql").stdout.split() == ["15", "prove-backup.lock"]
