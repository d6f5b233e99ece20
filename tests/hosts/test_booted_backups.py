"""On booted hosts: a backup is restored and compared, and what cannot be restored is not called proven."""

from __future__ import annotations

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


def test_a_backup_that_cannot_be_read_is_not_proven(breakable: Rehearsal) -> None:
    folder = "/srv/files/backups/backup"
    breakable.ssh("file01", f"sudo mv {folder} {folder}.away")
    try:
        done = breakable.fab("hosts.prove-backup", check=False)
    finally:
        breakable.ssh("file01", f"sudo mv {folder}.away {folder}")
    assert done.returncode == ExitCode.FAILED
    assert "failed on db02" in done.stderr
    assert "Proven" not in done.stdout
    assert breakable.ssh("db02", "sudo ls /data/postgresql").stdout.split() == ["15", "prove-backup.lock"]
