"""The database backups on the file host: they exist, are recent, include the log, and are closed to everyone else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from landscape.names import BACKUPS, DATA_DISK, DATABASE_MOUNT
from verify.inspection.expectations import current, each, hosts, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import Need, check
from verify.report.root_causes import PRIMARY

testinfra_hosts = specs("file") if hosts("database") else []
ask_about("pgbackrest")

OLDEST = 26 * 3600
"""Seconds: a backup is made every night, and may take two hours."""
KEY_FILE = "/etc/pgbackrest/conf.d/repository-key.conf"
SEGMENT = "?" * 24 + "-*"
KEPT_FULL = 4
"""Number of full backups that are kept; there is one more while the next is being made."""
TIMERS = ("livegang-backup-full.timer", "livegang-backup-incr.timer")


def stanza() -> str:
    return current().inventory.landscape


def look(host: Any) -> Outputs:
    call = f"cd / && sudo -u pgbackrest pgbackrest --stanza={stanza()}"
    return batch(
        host,
        {
            "info": f"{call} --output=json info",
            # Makes the primary switch to a new log segment, and waits until the last one has arrived here.
            "check": f"{call} --archive-timeout=30 check",
            "now": "date +%s",
            "timers": "".join(f"systemctl is-enabled {timer}; systemctl is-active {timer}; " for timer in TIMERS),
            "encrypted": f"for file in {BACKUPS}/*/{stanza()}/*.info "
            f"$(find {BACKUPS} -type f -size +0 ! -name '*.lock' | shuf -n 20); do "
            '[ "$(head -c 8 $file)" = Salted__ ] && echo encrypted || echo $file; done',
            "key": f"stat -c '%U %G %a' {KEY_FILE}; cd / && sudo -u nobody cat {KEY_FILE}",
            "oldest log": f"find {BACKUPS}/archive/{stanza()} -type f -name '{SEGMENT}' -printf '%f\\n' "
            "| sort | head -n 1",
            "rights": f"stat -c '%U %G %a' {BACKUPS}; find {BACKUPS} -perm /007 ! -type l | head -n 5",
            "disk": f"findmnt -n -o MAJ:MIN,TARGET -T {BACKUPS}; stat -L -c '0x%t 0x%T' {DATA_DISK}",
        },
    )


STATE = Gathering(__name__, look, waits=True)


@pytest.fixture
def state(host: Any) -> Outputs:
    """What pgBackRest on this host has and how it is set up."""
    return STATE.of(host.backend.hostname)


def backups(state: Outputs) -> list[dict[str, Any]]:
    """All complete backups, oldest first."""
    text = state["info"]
    assert state.status("info") == 0, f"pgBackRest cannot list its backups: {text}"
    found = [row for row in json.loads(text) if row["name"] == stanza()]
    assert found, f"there is no stanza {stanza()}"
    assert found[0]["status"]["code"] == 0, f"the stanza has a problem: {found[0]['status']['message']}"
    return sorted((row for row in found[0]["backup"] if not row["error"]), key=lambda row: row["timestamp"]["stop"])


def log_back(server: str) -> str:
    """Shell: finish a log segment, keep a copy, wait until it is archived, fetch it back, and compare the two."""
    ask = "cd / && sudo -u postgres psql -XAtqc"
    fetch = f"sudo -u postgres pgbackrest --stanza={stanza()} --repo1-host={server} archive-get $s $t/back"
    return (
        f"{ask} \"select pg_create_restore_point('readiness')\" >/dev/null && "
        f"s=$({ask} 'select pg_walfile_name(pg_current_wal_lsn())') && {ask} 'select pg_switch_wal()' >/dev/null && "
        f"t=$(mktemp -d) && chown postgres $t && cp {DATABASE_MOUNT}/postgresql/*/main/pg_wal/$s $t/here && cd / && "
        f"for i in $(seq 60); do {fetch} && break; sleep 0.5; done; "
        "cmp $t/here $t/back && echo $s came back the same; r=$?; rm -r $t; exit $r"
    )


def knock(host: Any) -> dict[str, Outputs]:
    """Access from a database host, by file host: to its own stanza, to another, with a forged certificate."""
    own = current().inventory.hosts[host.backend.hostname].fqdn
    forged = (
        "t=$(mktemp -d) && cd $t && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 "
        f"-subj /CN={own} -keyout key -out crt 2>/dev/null && chmod 600 key && chown -R postgres $t && "
        "sudo -u postgres pgbackrest --repo1-host-cert-file=$t/crt --repo1-host-key-file=$t/key"
    )
    found = {}
    for server in hosts("file"):
        common = f"--repo1-host={server.fqdn} --io-timeout=10 repo-ls"
        found[server.name] = batch(
            host,
            {
                "own": f"cd / && sudo -u postgres pgbackrest --stanza={stanza()} {common} archive",
                "other": f"cd / && sudo -u postgres pgbackrest --stanza=of-someone-else {common} archive",
                "log": log_back(server.fqdn),
                "forged": f"{forged} --stanza={stanza()} {common} archive; s=$?; rm -r $t; exit $s",
            },
        )
    return found


KNOCKING = Gathering(__name__, knock, places=lambda: [host.name for host in hosts("database")])

FROM_DATABASE: list[Need] = [
    "backup-server:{host}",
    *each("database", "host:{member}"),
    *(need for member in hosts("database") for need in open_flows("database", "file", member.name)),
]


def outcomes(server: str, case: str) -> dict[str, tuple[int, str]]:
    """Exit status and output of one case at a file host, by the database host from which it was tried."""
    found = {source.name: KNOCKING.of(source.name)[server] for source in hosts("database")}
    return {name: (outputs.status(case), outputs[case]) for name, outputs in found.items()}


@check("backup", proves="backup-server:{host}", unit="pgbackrest")
def test_backup_server_is_running(host: Any) -> None:
    """The database hosts keep their log until it is archived here, so their disks fill up."""
    assert is_running(host, "pgbackrest"), explain(host, "pgbackrest")


@check("backup")
def test_backup_server_starts_at_boot(host: Any) -> None:
    """After a reboot of this host, no log would be archived any more."""
    assert is_enabled(host, "pgbackrest"), "pgbackrest would not start at the next boot"


@check("backup")
def test_a_full_backup_exists(state: Outputs) -> None:
    """Without one, a lost database cannot be restored."""
    assert any(backup["type"] == "full" for backup in backups(state)), "there is no full backup"


@check("backup")
def test_newest_backup_is_fresh(state: Outputs) -> None:
    """The older the backup, the more log must be replayed before anyone can work."""
    newest = backups(state)[-1:]
    assert newest, "there is no backup"
    age = int(state["now"]) - newest[0]["timestamp"]["stop"]
    assert age <= OLDEST, f"the newest backup, {newest[0]['label']}, is {age // 3600} hours old"


@check("backup", needs=["backup-server:{host}", PRIMARY, *open_flows("file", "database", "{host}"), *FROM_DATABASE])
def test_log_arrives(state: Outputs) -> None:
    """Whatever is not in the archive is lost with the primary's disk."""
    assert state.status("check") == 0, f"a segment of the primary's log did not get here:\n{state['check']}"


@check("backup")
def test_backups_are_made_every_night(state: Outputs) -> None:
    """A timer that was switched off for an evening's work is missed only on the day of the loss."""
    words = state.lines("timers")
    assert len(words) == 2 * len(TIMERS), f"systemd does not know the timers: {state['timers']}"
    for timer, enabled, active in zip(TIMERS, words[::2], words[1::2], strict=True):
        assert (enabled, active) == ("enabled", "active"), f"{timer} is {enabled} and {active}"


@check("storage")
def test_backups_are_on_the_data_disk_and_guarded(state: Outputs) -> None:
    """Backups hold every client's record: they must not be lost with the system disk, nor be readable by others."""
    owner, *loose = state.lines("rights")
    assert owner == "pgbackrest pgbackrest 750", f"the repository is {owner}"
    assert not loose, f"others may reach {', '.join(loose)}"
    lines = state.lines("disk")
    assert len(lines) == 2, f"the data disk at lun 0 is not there: {state['disk']}"
    disk = ":".join(str(int(part, 16)) for part in lines[1].split())
    assert lines[0].split()[0] == disk, f"the repository is on {lines[0].split()[1]}, not on the data disk"


@check("backup", proves="backup-access:{host}", needs=FROM_DATABASE)
def test_database_hosts_are_accepted(host: Any) -> None:
    """A database host without access can neither archive nor restore."""
    for name, (status, words) in outcomes(host.backend.hostname, "own").items():
        assert status == 0, f"from {name}: {words}"
        assert stanza() in words, f"from {name}: the archive of {stanza()} is not listed: {words}"


@check("backup", needs=[*FROM_DATABASE, "backup-access:{host}"])
def test_another_stanza_is_refused(host: Any) -> None:
    """A database host must have access to its own landscape's backups only. Twin: to these it has."""
    for name, (status, words) in outcomes(host.backend.hostname, "other").items():
        assert status != 0, f"from {name}: access was granted: {words}"
        assert "access denied" in words, f"from {name}: no clear refusal: {words}"


@check("backup", needs=[*FROM_DATABASE, "backup-access:{host}"])
def test_a_self_made_certificate_is_refused(host: Any) -> None:
    """Whoever forges a database host's certificate would get every backup. Twin: the true one is accepted."""
    for name, (status, words) in outcomes(host.backend.hostname, "forged").items():
        assert status != 0, f"from {name}: access was granted: {words}"
        assert "TLS" in words or "access denied" in words, f"from {name}: no clear refusal: {words}"


@check("backup", needs=[PRIMARY, *FROM_DATABASE, "backup-access:{host}"])
def test_a_segment_of_the_log_comes_back_the_same(host: Any) -> None:
    """Archived log that cannot be read back is lost. To prove an entire backup: fab hosts.prove-backup."""
    name = hosts("database")[0].name
    status, words = outcomes(host.backend.hostname, "log")[name]
    assert status == 0, f"from {name}: {words}"
    assert "came back the same" in words, f"from {name}: {words}"


@check("storage", proves="backup-encrypted:{host}")
def test_backups_are_encrypted(state: Outputs) -> None:
    """Whoever gets the disk or a copy of it would have every client's record. Twin: pgBackRest here reads them."""
    lines = state.lines("encrypted")
    clear = [line for line in lines if line != "encrypted"]
    assert not clear, f"not encrypted: {', '.join(clear)}"
    assert len(lines) > 2, f"there are no files to look at: {state['encrypted']}"
    assert backups(state), "pgBackRest cannot read what it wrote"


@check("storage", needs=["backup-encrypted:{host}"])
def test_the_key_of_the_backups_is_guarded(state: Outputs) -> None:
    """A key that everyone can read protects nothing."""
    assert state.lines("key")[0] == "root pgbackrest 640", f"{KEY_FILE} is {state.lines('key')[0]}"
    assert state.status("key") != 0, f"any user can read {KEY_FILE}"


@check("backup")
def test_old_backups_and_their_log_are_removed(state: Outputs) -> None:
    """Backups that are never removed fill the disk, and then no new one can be made."""
    full = [backup for backup in backups(state) if backup["type"] == "full"]
    assert len(full) <= KEPT_FULL + 1, f"{len(full)} full backups are kept, the oldest {full[0]['label']}"
    oldest = state.lines("oldest log")[-1:]
    assert oldest, "there is no log in the archive"
    if len(full) < KEPT_FULL:
        return  # Until there are that many, nothing is removed.
    # Log older than the oldest full backup is of no use. Segments of one timeline sort by time.
    first, start = oldest[0][:24], full[0]["archive"]["start"]
    assert first[:8] != start[:8] or first >= start, f"the archive begins at {first}, the oldest backup at {start}"
