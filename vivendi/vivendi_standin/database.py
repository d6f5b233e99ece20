"""One area's records in PostgreSQL: the schema, the health query and the synchronisation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, TypeVar

import psycopg2
from psycopg2 import errors, sql

from .configuration import Configuration

CONNECTIONS = 8
"""At most so many for one service; PostgreSQL allows 100 in all by default, for six areas on two hosts."""

Answer = TypeVar("Answer")

STATE_LIMIT = 500
"""At most so many records in one answer; the device asks again from the sequence it was given."""


class Unavailable(Exception):
    """The database cannot be used now; the message is the reason, without any secret."""


class SchemaMissing(Unavailable):
    """The database answers, but the area's table is not in it."""


class Refused(Exception):
    """The database takes no such data (a character that jsonb cannot hold, say); the message is the reason."""


@dataclass(frozen=True)
class Record:
    """One thing noted on a device while it was offline."""

    id: str
    data: dict[str, Any]


class Database:
    """The area's schema on whichever database host accepts writes."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._slots = BoundedSemaphore(CONNECTIONS)
        self._lock = Lock()
        self._idle: list[Any] = []
        self._table = sql.Identifier(configuration.schema, "record")

    def make_schema(self) -> None:
        """Create schema and table where they are missing; services that start together do so one by one."""
        schema = self._configuration.schema
        with self._cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"vivendi-standin/{schema}"])
            # CREATE SCHEMA IF NOT EXISTS asks for the right to create before it looks: look first.
            cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [schema])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            cursor.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} ("
                    " sequence bigint GENERATED ALWAYS AS IDENTITY UNIQUE,"
                    " id uuid PRIMARY KEY,"
                    " device text NOT NULL,"
                    " data jsonb NOT NULL,"
                    " received timestamptz NOT NULL DEFAULT now())"
                ).format(self._table)
            )

    def check(self) -> dict[str, Any]:
        """Prove that records can be read on the primary; returns which host answered."""
        return self._with_schema(self._check)

    def synchronise(self, device: str, records: list[Record], since: int) -> dict[str, Any]:
        """Store a device's queue and return what is new for it; a record sent again changes nothing."""
        return self._with_schema(lambda: self._synchronise(device, records, since))

    def _with_schema(self, work: Callable[[], Answer]) -> Answer:
        """Do the work; where somebody dropped the table since the start, make it and do the work again."""
        try:
            return work()
        except SchemaMissing:
            self.make_schema()
            return work()

    def _check(self) -> dict[str, Any]:
        with self._cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "SELECT host(inet_server_addr()), current_setting('transaction_read_only') = 'on',"
                    " coalesce(max(sequence), 0) FROM {}"
                ).format(self._table)
            )
            host, read_only, sequence = cursor.fetchone()
            if read_only:
                raise Unavailable(f"database host {host} accepts no writes")
            return {"host": host, "sequence": sequence}

    def _synchronise(self, device: str, records: list[Record], since: int) -> dict[str, Any]:
        with self._cursor() as cursor:
            # Sequences must become visible in their order, else a device that asks between two commits
            # would never be told of the earlier one.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", [f"vivendi-standin/{self._configuration.area}"]
            )
            accepted: list[str] = []
            duplicates: list[str] = []
            for record in records:
                cursor.execute(
                    sql.SQL(
                        "INSERT INTO {} (id, device, data) VALUES (%s, %s, %s) ON CONFLICT (id) DO NOTHING RETURNING id"
                    ).format(self._table),
                    [record.id, device, json.dumps(record.data)],
                )
                (accepted if cursor.fetchone() else duplicates).append(record.id)
            cursor.execute(
                sql.SQL(
                    "SELECT sequence, id::text, device, data FROM {} WHERE sequence > %s ORDER BY sequence LIMIT %s"
                ).format(self._table),
                [since, STATE_LIMIT],
            )
            state = [dict(zip(("sequence", "id", "device", "data"), row, strict=True)) for row in cursor.fetchall()]
        return {
            "accepted": accepted,
            "duplicates": duplicates,
            "state": state,
            "sequence": state[-1]["sequence"] if state else since,
        }

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        """A transaction on a connection of the pool; a connection that failed is not used again."""
        if not self._slots.acquire(timeout=2):
            raise Unavailable(f"all {CONNECTIONS} database connections are in use")
        connection = None
        try:
            connection = self._take() or self._connect()
            with connection, connection.cursor() as cursor:
                yield cursor
            with self._lock:
                self._idle.append(connection)
            connection = None
        except (psycopg2.DataError, ValueError) as error:
            raise Refused(reason(error)) from error
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise SchemaMissing(reason(error)) from error
        except psycopg2.Error as error:
            raise Unavailable(reason(error)) from error
        finally:
            if connection is not None:
                connection.close()
            self._slots.release()

    def _take(self) -> Any | None:
        """An idle connection that still works: a restarted server has ended all that were made before."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if _answers(connection):
                return connection
            connection.close()

    def _connect(self) -> Any:
        try:
            password = self._configuration.password()
        except OSError as error:
            raise Unavailable(f"the password cannot be read: {error}") from error
        return psycopg2.connect(password=password, **self._configuration.connection)


def _answers(connection: Any) -> bool:
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True


def reason(error: Exception) -> str:
    """A database error in one line; libpq writes one line for each host it tried, and never a password."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines) or type(error).__name__
