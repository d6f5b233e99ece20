"""PostgreSQL: a cluster's data, a standby's copy, replication slots, databases, roles."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import Secret, State


@dataclass(frozen=True, kw_only=True)
class DatabaseCluster(State):
    """The data directory of a primary, made with data checksums when there is none, never touched when there is one."""

    kind = "database cluster"
    version: str
    data: str
    locale: str = "C.UTF-8"

    @property
    def name(self) -> str:
        return self.data


@dataclass(frozen=True, kw_only=True)
class DatabaseStandby(State):
    """The data directory of a standby, copied from its primary when there is none.

    A data directory that is not a standby's is an error, never overwritten: it may be the only copy of something.
    """

    kind = "database standby"
    version: str
    data: str
    primary: str
    """Connection string of the primary, without a password."""
    primary_host: str
    """Its name: when the operator's side learns that it failed, the wait for it ends at once."""
    slot: str
    deadline: int = 300
    """Seconds to wait for a primary that accepts the standby."""

    @property
    def name(self) -> str:
        return self.data


@dataclass(frozen=True, kw_only=True)
class ReplicationSlot(State):
    """A physical replication slot on the primary."""

    kind = "replication slot"
    slot: str

    @property
    def name(self) -> str:
        return self.slot


@dataclass(frozen=True, kw_only=True)
class Database(State):
    """A database, owned by the administrator ``postgres``; PUBLIC may not connect to it nor create in its schema."""

    kind = "database"
    database: str

    @property
    def name(self) -> str:
        return self.database


@dataclass(frozen=True, kw_only=True)
class DatabaseRole(State):
    """A role that logs in, and the schema of its own in a database where it has one."""

    kind = "database role"
    role: str
    password: Secret | None = None
    """None: it has none, and gets in only where the server asks the operating system who it is (peer)."""
    member_of: tuple[str, ...] = ()
    """Roles whose rights it has; it is a member of no others."""
    replication: bool = False
    database: str | None = None
    """Database it may connect to."""
    schema: str | None = None
    """Schema in that database that it owns, with all in it."""
    connection_limit: int = -1

    @property
    def name(self) -> str:
        return self.role
