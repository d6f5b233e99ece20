"""PostgreSQL: data directories with a table of answers, what is inside with a real server."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace

import psycopg2
import pytest

from hosts.agent.command_runner import Commands
from hosts.agent.operations import sql
from hosts.agent.results import CommandError, OperationError
from hosts.states import Database, DatabaseCluster, DatabaseRole, DatabaseStandby, ReplicationSlot, Secret
from tests.hosts.conftest import Scratch
from tests.vivendi.server import PROGRAMS, Server, scratch_server

CLUSTER = DatabaseCluster(version="15", data="/data/main")
STANDBY = DatabaseStandby(
    version="15", data="/data/main", primary="host=db01", primary_host="db01", slot="db02", deadline=0
)


@pytest.mark.parametrize(
    ("files", "primary", "standby"),
    [
        ({}, ["no data directory"], ["no copy of the primary's data"]),
        ({"PG_VERSION": "15\n"}, [], "is not a standby's: it was promoted"),
        ({"PG_VERSION": "15\n", "standby.signal": ""}, "is a standby's. If this host is to be the primary", []),
        ({"PG_VERSION": "13\n"}, "was made by PostgreSQL 13, not 15", "is not a standby's"),
        ({"PG_VERSION": "13\n", "standby.signal": ""}, "is a standby's", "was made by PostgreSQL 13, not 15"),
    ],
    ids=["nothing", "a primary's", "a standby's", "an old primary's", "an old standby's"],
)
def test_data_is_made_where_there_is_none_and_never_overwritten(
    scratch: Scratch, files: dict[str, str], primary: list[str] | str, standby: list[str] | str
) -> None:
    for name, content in files.items():
        scratch.put(f"/data/main/{name}", content)
    for state, expected in ((CLUSTER, primary), (STANDBY, standby)):
        if isinstance(expected, str):
            with pytest.raises(OperationError, match=expected):
                scratch.compare(state)
        else:
            assert scratch.compare(state) == expected


def test_a_cluster_takes_its_place_only_when_complete(scratch: Scratch) -> None:
    scratch.put("/data/main.incoming/PG_VERSION", "left by a killed run\n")

    def initdb() -> str:
        assert not (scratch.root / "data/main.incoming").exists()
        scratch.put("/data/main.incoming/PG_VERSION", "15\n")
        return ""

    scratch.table.answers = {"/usr/lib/postgresql/15/bin/initdb": initdb}
    scratch.apply(CLUSTER)
    assert scratch.compare(CLUSTER) == []
    assert "--data-checksums" in scratch.table.calls[0]


def test_a_standby_waits_for_a_primary_on_its_way(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "chown", lambda *arguments: None)
    errors = iter(
        [
            "Connection refused",
            "FATAL:  the database system is shutting down",
            'role "replicator" does not exist',
            'slot "db02" does not exist',
            'replication slot "db02" is active for PID 10261',
        ]
    )

    def copy() -> str:
        if error := next(errors, None):
            raise CommandError("pg_basebackup ended with code 1", f"pg_basebackup: error: {error}")
        scratch.put("/data/main.incoming/PG_VERSION", "15\n")
        return ""

    scratch.table.answers = {"/usr/lib/postgresql/15/bin/pg_basebackup": copy}
    scratch.apply(replace(STANDBY, deadline=30))
    assert scratch.compare(STANDBY) == []
    assert len(scratch.table.calls) == 6


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("Connection refused", "the primary gave no copy within 0 s"),
        ("root certificate file does not match", "the primary cannot be copied"),
    ],
)
def test_a_standby_that_gets_no_copy_says_why(scratch: Scratch, error: str, reason: str) -> None:
    failure = CommandError("pg_basebackup ended with code 1", error)
    scratch.table.answers = {"/usr/lib/postgresql/15/bin/pg_basebackup": failure}
    with pytest.raises(OperationError, match=reason) as caught:
        scratch.apply(STANDBY)
    assert caught.value.log == error


def test_a_verifier_is_what_the_standard_says() -> None:
    # RFC 7677's example: user "user", password "pencil"; the server signature's key as PostgreSQL stores it.
    verifier = sql.scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert verifier.startswith(
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    )
    assert sql.matches("pencil", verifier)
    assert not sql.matches("Pencil", verifier)
    assert not any(sql.matches("pencil", stored) for stored in (None, "", "md5abc", "pencil"))


@pytest.mark.parametrize(("value", "quoted"), [("a", "'a'"), ("o'n", "'o''n'"), ("a\\b", " E'a\\\\b'")])
def test_strings_are_quoted(value: str, quoted: str) -> None:
    assert sql.literal(value) == quoted


def test_names_are_quoted() -> None:
    assert sql.identifier('a"b') == '"a""b"'


class Psql(Commands):
    """The real psql, on the test's own server; counts what was asked."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.statements: list[str] = []

    def run(self, command: Sequence[str], **options: object) -> str:
        assert command[0] == "psql"
        self.statements.append(str(options["text"]))
        where = ["--host", self.server.address, "--port", str(self.server.port), "--username", "postgres"]
        # Not as the user postgres: the server's own superuser needs no password here.
        program = str(PROGRAMS[-1].with_name("psql"))
        return Commands().run([program, *command[1:], *where], text=str(options["text"]))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A real server on the loopback."""
    with scratch_server() as made:
        yield made


@pytest.fixture
def database(scratch: Scratch, server: Server) -> Scratch:
    """A host whose PostgreSQL is the test's own."""
    scratch.put(sql.SOCKET)
    scratch.table = Psql(server)  # type: ignore[assignment]
    scratch.secrets |= {"postgresql/pep": "pep-password-1", "postgresql/replication": "replication-1"}
    return scratch


needs_server = pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed")
PEP = DatabaseRole(role="pep", password=Secret("postgresql/pep"), database="vivendi", schema="pep")


@needs_server
def test_a_database_is_closed_to_those_who_are_not_let_in(database: Scratch, server: Server) -> None:
    state = Database(database="vivendi")
    assert database.compare(state) == ["missing"]
    database.apply(state)
    assert database.compare(state) == []
    server.sql("GRANT CONNECT ON DATABASE vivendi TO PUBLIC")
    assert database.compare(state) == ["open to every role"]
    database.apply(state)
    assert database.compare(state) == []


@needs_server
def test_a_role_that_was_dropped_with_all_it_owned_is_one_finding_and_repaired(
    database: Scratch, server: Server
) -> None:
    database.apply(Database(database="vivendi"))
    database.apply(PEP)
    assert database.compare(PEP) == []
    server.sql("DROP OWNED BY pep; DROP ROLE pep")
    assert database.compare(PEP) == ["missing"]
    database.apply(PEP)
    assert database.compare(PEP) == []


@needs_server
def test_whoever_was_logged_in_as_a_dropped_role_has_to_connect_anew(database: Scratch, server: Server) -> None:
    database.apply(Database(database="vivendi"))
    database.apply(PEP)
    before = psycopg2.connect(host=server.address, port=server.port, dbname="vivendi", user="pep")
    server.sql("DROP OWNED BY pep; DROP ROLE pep")
    database.apply(PEP)
    with pytest.raises(psycopg2.OperationalError, match=r"terminating connection|server closed the connection"):
        before.cursor().execute("CREATE TABLE pep.t ()")
    after = psycopg2.connect(host=server.address, port=server.port, dbname="vivendi", user="pep")
    after.cursor().execute("CREATE TABLE pep.t ()")
    after.close()


@needs_server
@pytest.mark.parametrize(
    ("by_hand", "differences"),
    [
        ("ALTER ROLE pep SUPERUSER", ["has administrator's rights"]),
        ("ALTER ROLE pep CREATEROLE", ["has administrator's rights"]),
        ("ALTER ROLE pep NOLOGIN", ["may not log in"]),
        ("ALTER ROLE pep REPLICATION", ["may replicate"]),
        ("ALTER ROLE pep CONNECTION LIMIT 1", ["1 connections instead of -1"]),
        ("ALTER ROLE pep PASSWORD 'other'", ["secret content differs"]),
        ("ALTER ROLE pep PASSWORD NULL", ["secret content differs"]),
        ("GRANT pg_read_all_data TO pep", ["is a member of pg_read_all_data"]),
        ("REVOKE ALL ON DATABASE vivendi FROM pep", ["may not connect to database vivendi"]),
        ("DROP SCHEMA pep CASCADE", ["schema pep missing"]),
        ("ALTER SCHEMA pep OWNER TO postgres", ["schema pep belongs to postgres"]),
        (
            "CREATE TABLE pep.t (id bigserial); CREATE FUNCTION pep.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            ["TABLE pep.t belongs to another role", "ROUTINE pep.f(integer) belongs to another role"],
        ),
    ],
)
def test_what_was_changed_by_hand_is_named_and_repaired(
    database: Scratch, server: Server, by_hand: str, differences: list[str]
) -> None:
    database.apply(Database(database="vivendi"))
    database.apply(PEP)
    server.sql(by_hand)
    assert database.compare(PEP) == differences
    database.apply(PEP)
    assert database.compare(PEP) == []
    server.sql("DROP SCHEMA pep CASCADE")


WATCHER = DatabaseRole(role="watcher", member_of=("pg_monitor",))


@needs_server
@pytest.mark.parametrize(
    ("by_hand", "differences"),
    [
        ("ALTER ROLE watcher PASSWORD 'guessed'", ["has a password"]),
        ("REVOKE pg_monitor FROM watcher", ["is not a member of pg_monitor"]),
        ("GRANT pg_write_all_data TO watcher", ["is a member of pg_write_all_data"]),
        ("DROP ROLE watcher", ["missing"]),
    ],
)
def test_a_role_without_a_password_stays_without_and_has_these_rights_only(
    database: Scratch, server: Server, by_hand: str, differences: list[str]
) -> None:
    database.apply(WATCHER)
    assert database.compare(WATCHER) == []
    server.sql(by_hand)
    assert database.compare(WATCHER) == differences
    database.apply(WATCHER)
    assert database.compare(WATCHER) == []


@needs_server
def test_a_password_reaches_the_server_only_as_its_verifier(database: Scratch) -> None:
    database.apply(Database(database="vivendi"))
    database.secrets["postgresql/pep"] = "a-password-never-seen"
    database.apply(PEP)
    statements = database.table.statements  # type: ignore[attr-defined]
    assert any("SCRAM-SHA-256$4096:" in statement for statement in statements)
    assert not any("a-password-never-seen" in statement for statement in statements)


@needs_server
def test_a_replication_slot(database: Scratch) -> None:
    state = ReplicationSlot(slot="db02")
    assert database.compare(state) == ["missing"]
    database.apply(state)
    assert database.compare(state) == []


@needs_server
def test_a_refusal_of_the_server_is_reported(database: Scratch) -> None:
    with pytest.raises(OperationError, match="PostgreSQL refuses") as caught:
        database.apply(DatabaseRole(role="pg_mine", password=Secret("postgresql/pep")))
    assert 'role name "pg_mine" is reserved' in caught.value.log
