"""The database hosts: one primary, standbys that follow it, and no access for anyone else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from landscape import ports
from landscape.names import DATA_DISK
from verify.inspection.expectations import current, each, hosts, manifests, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.probes import postgres
from verify.inspection.replication import LARGEST_LAG, caught_up
from verify.inspection.run_probe import run_probe
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.inspection.waiting import wait_until
from verify.report.check_marker import Need, check
from verify.report.plugin import DISPROVED, NEEDS, STANDBY
from verify.report.root_causes import STEADY, STORAGE, UNIT

testinfra_hosts = specs("database")
ask_about("pgbackrest")

HAS_STANDBY = len(hosts("database")) > 1
FROM_ELSEWHERE = len({host.name for role in ("database", "application") for host in hosts(role)}) > 1
"""Whether any component reaches a database over the network at all: one host may have both roles."""
CATCH_UP_SECONDS = 10.0


def sql(query: str) -> str:
    return f'cd / && sudo -u postgres psql -XAtq -F " " -d postgres -c "{query}"'


QUESTIONS = {
    "cluster": "pg_lsclusters -h",
    "recovery": sql("select pg_is_in_recovery()"),
    "settings": sql(
        "select name, setting from pg_settings where name in ('data_checksums', 'data_directory', 'fsync',"
        " 'full_page_writes', 'listen_addresses', 'password_encryption', 'ssl', 'ssl_min_protocol_version')"
    ),
    "clients": sql(
        "select r.application_name, host(r.client_addr), r.state, s.version,"
        " pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()"
        " else pg_current_wal_lsn() end, r.replay_lsn)"
        " from pg_stat_replication r join pg_stat_ssl s using (pid)"
    ),
    "slots": sql("select slot_name, slot_type, active from pg_replication_slots"),
    "receiver": sql("select status, sender_host, slot_name from pg_stat_wal_receiver"),
    "archive": sql(
        "select current_setting('archive_mode'), current_setting('archive_command') <> '',"
        # A failed segment is retried every minute.
        " (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'"
        " and modification < now() - interval '2 minutes'), coalesce(last_failed_wal, 'none')"
        " from pg_stat_archiver"
    ),
    "disk": "directory=$(pg_lsclusters -h | awk '{print $6; exit}'); "
    'findmnt -n -o MAJ:MIN,TARGET,FSTYPE -T "$directory"; '
    f"stat -L -c '0x%t 0x%T' {DATA_DISK}",
    "journal": "journalctl -u 'postgresql@*' -n 15 --no-pager -o short-iso; "
    "tail -n 10 $(pg_lsclusters -h | awk '{print $7; exit}')",
    "unit": "unit=postgresql@$(pg_lsclusters -h | head -n1 | tr -s ' ' '-' | cut -d- -f1,2); "
    "systemctl is-enabled $unit; systemctl show -P ActiveState -P StateChangeTimestamp $unit",
}


def look(host: Any) -> Outputs:
    """All of it, once the standby has caught up, or has had enough time to.

    It is behind for a moment after a switch to a new log segment, which another suite of this run causes. A standby
    whose primary was restarted reconnects some seconds later.
    """
    return wait_until(
        lambda: batch(host, QUESTIONS), lambda found: not HAS_STANDBY or caught_up(found), CATCH_UP_SECONDS
    )


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    """What PostgreSQL on this host reports of itself."""
    return STATE.of(host.backend.hostname)


def is_standby(state: Outputs) -> bool:
    return state["recovery"].strip() == "t"


def settings(state: Outputs) -> dict[str, str]:
    return {words[0]: " ".join(words[1:]) for line in state.lines("settings") if (words := line.split(" "))}


@check("postgresql", proves="postgresql:{host}", needs=[f"{STORAGE}{{host}}"])
def test_postgresql_is_running(host: Any, state: Outputs, record_property: Callable[[str, object], None]) -> None:
    """Every mobile site stores its records there: without it none is kept."""
    clusters = state.lines("cluster")
    assert clusters, "no PostgreSQL cluster is configured here"
    status = clusters[0].split()[3]
    since = [*state.lines("unit"), "", "", ""][2]
    unit = f"postgresql@{'-'.join(clusters[0].split()[:2])}.service@{host.backend.hostname}"
    record_property(NEEDS, (f"{STEADY}{unit}",))
    if not status.startswith("online"):
        record_property(DISPROVED, f"{UNIT}{unit}")
    said = f"PostgreSQL is {status.partition(',')[0]}" + (f" since {since}" if since else "")
    assert status.startswith("online"), f"{said}\n\nEnd of its journal:\n{state['journal']}"
    assert state.status("recovery") == 0, f"PostgreSQL answers no query: {state['recovery']}"


@check("postgresql")
def test_postgresql_starts_at_boot(state: Outputs) -> None:
    """A database that does not start after a reboot at night is down until the morning."""
    enabled = state.lines("unit")[0]
    assert enabled in ("enabled", "enabled-runtime"), f"PostgreSQL would not start at the next boot: it is {enabled}"


@check("replication", proves="role:{host}", needs=["postgresql:{host}"])
def test_role_of_the_host_is_clear(host: Any, state: Outputs, record_property: Callable[[str, object], None]) -> None:
    """Two primaries accept different records, and those of one are lost; without a primary none are accepted."""
    others = {peer.name: STATE.of(peer.name)["recovery"].strip() for peer in hosts("database")}
    own = others.pop(host.backend.hostname)
    if own == "t":
        record_property(STANDBY, True)
        assert set(others.values()) != {"t"}, "every database host is a standby: no host accepts writes"
        return
    primaries = [name for name, recovery in others.items() if recovery == "f"]
    assert not primaries, f"{host.backend.hostname} accepts writes, and so does {', '.join(primaries)}"


FOLLOWING = [
    *each("database", "postgresql:{member}"),
    *(need for member in hosts("database") for need in open_flows("database", "database", member.name)),
]


@check("replication", proves="standby:{host}", needs=FOLLOWING, applies=HAS_STANDBY)
def test_standby_is_streaming(host: Any, state: Outputs) -> None:
    """A standby that stopped following is no more than an old backup."""
    if not is_standby(state):
        standbys = [peer for peer in hosts("database") if peer.name != host.backend.hostname]
        streaming = {line.split()[1] for line in state.lines("clients") if line.split()[2] == "streaming"}
        missing = [peer.name for peer in standbys if str(peer.address) not in streaming]
        assert not missing, f"no standby on {', '.join(missing)} follows this primary"
        return
    receiver = state["receiver"].split()
    assert receiver, "the standby receives nothing from a primary"
    assert receiver[0] == "streaming", f"the standby's receiver is {receiver[0]}"


@check("replication", needs=["postgresql:{host}", *each("database", "standby:{member}")], applies=HAS_STANDBY)
def test_replication_is_encrypted(state: Outputs) -> None:
    """Otherwise every client's record crosses the network in plain text."""
    weak = [line for line in state.lines("clients") if line.split()[3] != "TLSv1.3"]
    assert not weak, f"a replication connection does not use TLS 1.3: {weak[0]}"


@check("replication", needs=["postgresql:{host}", *each("database", "standby:{member}")])
def test_every_slot_is_active(state: Outputs) -> None:
    """A slot without a reader keeps the log until the data disk is full and the primary stops."""
    idle = [line.split()[0] for line in state.lines("slots") if not line.endswith(" t")]
    assert not idle, f"replication slots without a reader: {', '.join(idle)}"
    if not is_standby(state) and len(hosts("database")) > 1:
        assert state.lines("slots"), "the primary keeps no slot for its standby: a pause would break replication"


@check("replication", needs=["postgresql:{host}", *each("database", "standby:{member}")], applies=HAS_STANDBY)
def test_standby_is_not_behind(state: Outputs) -> None:
    """What the standby lacks is lost if the primary is lost now."""
    for line in state.lines("clients"):
        lag = int(line.split()[4])
        assert lag < LARGEST_LAG, f"{line.split()[0]} is {lag:,} bytes behind"


@check("storage", needs=["postgresql:{host}"])
def test_data_is_on_the_data_disk(state: Outputs) -> None:
    """On the system disk it would be lost with the machine, and could not grow."""
    lines = state.lines("disk")
    assert len(lines) == 2, f"the data disk at lun 0 is not there: {state['disk']}"
    mounted, target = lines[0].split()[:2]
    disk = ":".join(str(int(part, 16)) for part in lines[1].split())
    assert mounted == disk, f"the data directory is on {target} (device {mounted}), not on the data disk ({disk})"


@check("storage", needs=["postgresql:{host}"])
def test_data_is_written_safely(state: Outputs) -> None:
    """With fsync switched off for speed, the next power cut destroys the database."""
    values = settings(state)
    for name in ("fsync", "full_page_writes", "data_checksums"):
        assert values.get(name) == "on", f"{name} is {values.get(name, 'unknown')}"


@check("access", needs=["postgresql:{host}"])
def test_tls_is_the_only_protocol(state: Outputs) -> None:
    """Records and passwords would cross the network in plain text."""
    values = settings(state)
    assert values.get("ssl") == "on", "PostgreSQL serves no TLS"
    assert values.get("ssl_min_protocol_version") == "TLSv1.3", (
        f"PostgreSQL accepts {values.get('ssl_min_protocol_version')}, not TLS 1.3 only"
    )
    assert values.get("password_encryption") == "scram-sha-256", "passwords are not stored as SCRAM"


PEERS = [host for host in hosts("database") if "application" not in host.roles]
"""Database hosts without a component: a component's password must be of no use there."""


def clients() -> dict[str, list[dict[str, object]]]:
    """What is tried from which host: the probe's requests by place."""
    known, component = current().inventory, next(iter(manifests()))
    requests: dict[str, list[dict[str, object]]] = {}
    for database in hosts("database"):
        common: dict[str, object] = {
            "address": str(database.address),
            "server_name": database.fqdn,
            "port": ports.POSTGRESQL,
        }
        common |= {"authority": known.internal_authority, "target": database.name}
        as_component = {"user": component.database.role, "database": component.database.name}
        for application in hosts("application"):
            requests.setdefault(application.name, []).extend(
                [
                    {**common, **as_component, "tls": True, "case": "component"},
                    {**common, **as_component, "tls": False, "case": "plain"},
                    {**common, "user": "postgres", "database": "postgres", "tls": True, "case": "superuser"},
                ]
            )
        for peer in PEERS:
            if peer.name != database.name:
                requests.setdefault(peer.name, []).append({**common, **as_component, "tls": True, "case": "peer"})
    return requests


def knock(host: Any) -> dict[tuple[str, str], dict[str, str]]:
    requests = clients().get(host.backend.hostname, [])
    answers = run_probe(host, postgres, requests) if requests else []
    return {(str(o["case"]), str(o["target"])): a for o, a in zip(requests, answers, strict=True)}


KNOCKING = Gathering(__name__, knock, places=lambda: list(clients()))


def answers(case: str, target: str, role: str, evidence: Callable[[str, object], None]) -> dict[str, dict[str, str]]:
    """The answers to one case at a database host, by the place from which it was tried."""
    tried = {source.name: KNOCKING.of(source.name) for source in hosts(role) if source.name != target}
    found = {name: parts[case, target] for name, parts in tried.items() if (case, target) in parts}
    assert found or not tried, f"{case} was tried from nowhere"
    for name, answer in found.items():
        evidence(f"{name} → {target}, {case}", f"TLS: {answer['tls'] or 'none'}\n{answer['answer']}")
    return found


FROM_APPLICATION: list[Need] = [
    "postgresql:{host}",
    *each("application", "host:{member}"),
    *(need for member in hosts("application") for need in open_flows("application", "database", member.name)),
]
FROM_DATABASE: list[Need] = [
    "postgresql:{host}",
    *each("database", "host:{member}"),
    *(need for member in hosts("database") for need in open_flows("database", "database", member.name)),
]


@check("access", needs=FROM_APPLICATION, applies=FROM_ELSEWHERE)
def test_application_hosts_are_accepted(host: Any, evidence: Callable[[str, object], None]) -> None:
    """Without a certificate for this name by our authority, the components refuse to send anything."""
    for name, answer in answers("component", host.backend.hostname, "application", evidence).items():
        assert answer["answer"] == "asks for scram-sha-256", f"from {name}: {answer['answer']}"
        assert answer["tls"] == "TLSv1.3", f"from {name}: {answer['tls']}"


@check("access", needs=FROM_APPLICATION, applies=FROM_ELSEWHERE)
def test_connections_without_tls_are_refused(host: Any, evidence: Callable[[str, object], None]) -> None:
    """A component configured without TLS would send every record in plain text, and no one would notice."""
    for name, answer in answers("plain", host.backend.hostname, "application", evidence).items():
        assert answer["answer"].startswith("refused: "), f"from {name}: {answer['answer']}"


@check("access", needs=FROM_APPLICATION, applies=FROM_ELSEWHERE)
def test_superuser_is_refused_from_the_network(host: Any, evidence: Callable[[str, object], None]) -> None:
    """A compromised application host must not reach the superuser."""
    for name, answer in answers("superuser", host.backend.hostname, "application", evidence).items():
        assert answer["answer"].startswith("refused: "), f"from {name}: {answer['answer']}"


@check("access", needs=FROM_DATABASE, applies=HAS_STANDBY and bool(PEERS))
def test_component_is_refused_from_elsewhere(host: Any, evidence: Callable[[str, object], None]) -> None:
    """A component's password must be of no use outside the application hosts. Twin: from these it is accepted."""
    for name, answer in answers("peer", host.backend.hostname, "database", evidence).items():
        assert answer["answer"].startswith("refused: "), f"from {name}: {answer['answer']}"


@check("archive", unit="pgbackrest", applies=bool(hosts("file")))
def test_backup_service_is_running(host: Any) -> None:
    """The file host fetches backups through it."""
    assert is_running(host, "pgbackrest"), explain(host, "pgbackrest")
    assert is_enabled(host, "pgbackrest"), "pgbackrest would not start at the next boot"


@check(
    "archive",
    needs=["postgresql:{host}", *(f"backup-server:{host.name}" for host in hosts("file"))],
    applies=bool(hosts("file")),
)
def test_log_is_archived(state: Outputs) -> None:
    """What is not archived is lost with this host's disk, and piles up until the disk is full."""
    mode, command, waiting, failed = state["archive"].split()
    assert (mode, command) == ("on", "t"), (
        f"archive_mode is {mode}, and there is {'a' if command == 't' else 'no'} command"
    )
    assert waiting == "0", f"{waiting} segments have waited for over two minutes; the last that failed is {failed}"
