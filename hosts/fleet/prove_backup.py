"""`fab hosts.prove-backup`: restore the newest backup and its log into a scratch instance, compare, and remove it.

A backup that was never restored is only a hope. The scratch instance runs on the last database host (a standby, if
there is one), on its data disk, and cannot be reached. It is brought to a restore point that is set on the primary
right before: so the log's whole way, up to this minute, is proven too.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console import ExpectedError, console, step
from console.waiting import wait_until
from hosts.fleet.connection import Connections
from hosts.roles.database import DATA, VERSION
from infra.inventory.model import Host, Inventory

SCRIPT = Path(__file__).with_name("scratch_restore.sh")
PROGRAMS = f"/usr/lib/postgresql/{VERSION}/bin"
ARCHIVE_SECONDS = 120
"""In which the segment with the restore point has to reach the archive."""

Rows = dict[str, int]
"""Number of rows by ``DATABASE SCHEMA.TABLE``."""

_DATABASES = "select datname from pg_database where datallowconn and not datistemplate"
_TABLES = """select 'table', current_database(), format('%I.%I', schemaname, tablename), (xpath('/row/n/text()',
query_to_xml(format('select count(*) as n from %I.%I', schemaname, tablename), false, true, '')))[1]::text
from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"""


@dataclass
class Restored:
    """What the scratch instance was."""

    backup: str = ""
    """Label of the backup set, e.g. ``20261124-081500F``."""
    size: int = 0
    """Bytes of all databases."""
    rows: Rows = field(default_factory=dict)


def prove(inventory: Inventory) -> Restored:
    """Restore, compare, remove, report. Raises ExpectedError where any of it fails; the databases stay as they are."""
    for role in ("database", "file"):
        if not inventory.hosts_of(role):
            raise ExpectedError(f"Stack {inventory.stack} has no {role} host.")
    started = time.monotonic()
    databases = _Databases(inventory)
    try:
        primary = _primary(databases)
        place = next((host for host in reversed(databases.hosts) if host != primary), primary)
        target = f"livegang-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        with step(f"restore point {target} on {primary.name}, and its way into the archive"):
            before = _count(databases, primary)
            segment = _sql(databases, primary, f"select pg_walfile_name(pg_create_restore_point('{target}'))").strip()
            after = _count(databases, primary)
            _wait_until_archived(databases, primary, segment)
        with step(f"restore into a scratch instance on {place.name}"):
            words = ["/bin/sh", "-c", SCRIPT.read_text(), "restore.sh", inventory.landscape, DATA, PROGRAMS, target]
            restored = parse(_run(databases, place, words))
    finally:
        databases.close()
    if mistakes := differences(restored.rows, before, after):
        raise ExpectedError(
            f"What was restored on {place.name} from backup {restored.backup} is not what {primary.name} has:\n"
            + "\n".join(f"  {mistake}" for mistake in mistakes),
            hint="Do not trust this backup. Make a full one (systemctl start livegang-backup@full on the file host), "
            "and prove it.",
        )
    console.print(
        f"\n[green]Proven[/]: backup {restored.backup} and its log up to {target}, restored on {place.name} in "
        f"{time.monotonic() - started:.1f} s: {len(restored.rows)} tables with {sum(restored.rows.values()):,} rows, "
        f"{restored.size >> 20} MiB, checksums good. The scratch instance is gone."
    )
    return restored


def parse(answer: str) -> Restored:
    """The script's answer."""
    restored = Restored()
    for line in answer.splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "backup":
            restored.backup = rest
        elif kind == "bytes":
            restored.size = int(rest)
        elif kind == "table":
            restored.rows |= _table(rest)
    return restored


def differences(restored: Rows, before: Rows, after: Rows) -> list[str]:
    """Tables that are missing, or hold fewer or more rows than there were around the restore point."""
    mistakes = []
    for table in sorted(before.keys() & after.keys()):
        least, most = sorted((before[table], after[table]))
        if table not in restored:
            mistakes.append(f"{table} is missing")
        elif not least <= restored[table] <= most:
            mistakes.append(f"{table} has {restored[table]:,} rows instead of {least:,} to {most:,}")
    if not before:
        mistakes.append("there is no table to compare: nothing is proven")
    return mistakes


def _table(row: str) -> Rows:
    name, _, number = row.rpartition(" ")
    return {name: int(number)}


class _Databases:
    """The database hosts, with one connection to each."""

    def __init__(self, inventory: Inventory) -> None:
        self.hosts = inventory.hosts_of("database")
        self._connections = Connections(inventory)
        self._open: dict[str, Any] = {}

    def connection(self, host: Host) -> Any:
        if host.name not in self._open:
            self._open[host.name] = self._connections.open(host)
        return self._open[host.name]

    def close(self) -> None:
        self._connections.close()


def _primary(databases: _Databases) -> Host:
    found = [host for host in databases.hosts if _sql(databases, host, "select pg_is_in_recovery()").strip() == "f"]
    if len(found) != 1:
        names = ", ".join(host.name for host in found) or "none"
        raise ExpectedError(f"Exactly one database host must accept writes; it is {names}.")
    return found[0]


def _count(databases: _Databases, host: Host) -> Rows:
    rows: Rows = {}
    for database in _sql(databases, host, _DATABASES).split():
        for line in _sql(databases, host, _TABLES, database).splitlines():
            rows |= _table(line.removeprefix("table "))
    return rows


def _wait_until_archived(databases: _Databases, host: Host, segment: str) -> None:
    _sql(databases, host, "select pg_switch_wal()")
    query = "select coalesce(last_archived_wal, ''), coalesce(last_failed_wal, '') from pg_stat_archiver"

    def is_there(answer: str) -> bool:
        # Names of segments of one timeline sort by time; a backup's own label may follow a dot.
        return answer.partition(" ")[0].partition(".")[0] >= segment

    answer = wait_until(lambda: _sql(databases, host, query).strip(), ARCHIVE_SECONDS, every=0.3, done=is_there)
    if not is_there(answer):
        archived, _, failed = answer.partition(" ")
        raise ExpectedError(
            f"{host.name} did not get segment {segment} into the archive within {ARCHIVE_SECONDS} s: "
            f"the last that got there is {archived or 'none'}, the last that failed {failed or 'none'}.",
            hint=f"The reason is in PostgreSQL's log on {host.name} (/var/log/postgresql).",
        )


def _sql(databases: _Databases, host: Host, query: str, database: str = "postgres") -> str:
    return _run(databases, host, [f"{PROGRAMS}/psql", "-XAtq", "-F", " ", "-d", database, "-c", query])


def _run(databases: _Databases, host: Host, words: list[str]) -> str:
    """Run a command as postgres; its standard output. Raises ExpectedError with the end of what it complained of."""
    command = "cd / && sudo -n -u postgres " + " ".join(shlex.quote(word) for word in words)
    done = databases.connection(host).run(command, hide=True, warn=True, in_stream=False)
    if not done.ok:
        complaint = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-20:])
        raise ExpectedError(f"{words[0].rpartition('/')[2]} failed on {host.name}:\n{complaint}")
    return str(done.stdout)
