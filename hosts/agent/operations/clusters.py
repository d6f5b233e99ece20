"""PostgreSQL's data directories: a primary's own, or a standby's copy of it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from hosts.agent.host import Host
from hosts.agent.results import CommandError, Difference, OperationError
from hosts.states import DatabaseCluster, DatabaseStandby

NOT_YET = (
    "Connection refused",
    "could not translate host name",
    "timeout expired",
    "No route to host",
    "server closed the connection unexpectedly",
    "Connection reset by peer",
    "SSL SYSCALL error",
    "the database system is ",  # "starting up", "shutting down", "in recovery mode"
    "password authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "is active for PID",  # The slot, which the server has not yet taken from the try before.
)
"""What a primary on its way says, up to the last role and slot; anything else does not get better by waiting."""


def _programs(version: str) -> str:
    return f"/usr/lib/postgresql/{version}/bin"


def _filled(data: Path) -> bool:
    return (data / "PG_VERSION").exists()


def _incoming(data: Path) -> Path:
    """Data is created next to its place and moved there when complete: leftovers are not mistaken for it."""
    return data.with_name(f"{data.name}.incoming")


def compare_cluster(state: DatabaseCluster, host: Host) -> list[Difference]:
    data = host.path(state.data)
    if not _filled(data):
        return [Difference("no data directory")]
    if (data / "standby.signal").exists():
        raise OperationError(
            f"{state.data} is a standby's. If this host is to be the primary, promote it yourself "
            f"(pg_ctlcluster {state.version} main promote), after you made sure that no other primary lives"
        )
    return _compare_version(state.version, state.data, data)


def _compare_version(version: str, name: str, data: Path) -> list[Difference]:
    if (found := (data / "PG_VERSION").read_text().strip()) != version:
        raise OperationError(f"{name} was made by PostgreSQL {found}, not {version}; it is not converted for you")
    return []


def apply_cluster(state: DatabaseCluster, host: Host) -> None:
    data = host.path(state.data)
    incoming = _incoming(data)
    shutil.rmtree(incoming, ignore_errors=True)
    host.note("making the database cluster")
    host.run(
        [
            f"{_programs(state.version)}/initdb",
            f"--pgdata={incoming}",
            "--username=postgres",
            "--encoding=UTF8",
            f"--locale={state.locale}",
            "--data-checksums",
            "--auth-local=peer",
            "--auth-host=scram-sha-256",
        ],
        user="postgres",
        timeout=300,
    )
    incoming.rename(data)


def compare_standby(state: DatabaseStandby, host: Host) -> list[Difference]:
    data = host.path(state.data)
    if not _filled(data):
        return [Difference("no copy of the primary's data")]
    if not (data / "standby.signal").exists():
        raise OperationError(
            f"{state.data} is not a standby's: it was promoted, or made here. It may hold what the primary does not; "
            f"it is not overwritten. To make this host a standby again, move that directory away yourself"
        )
    return _compare_version(state.version, state.data, data)


def apply_standby(state: DatabaseStandby, host: Host) -> None:
    """Copy the primary, as soon as it accepts us."""
    data = host.path(state.data)
    incoming = _incoming(data)
    deadline = time.monotonic() + state.deadline
    host.note("copying the primary, as soon as it is there")
    while True:
        shutil.rmtree(incoming, ignore_errors=True)
        given_up = state.primary_host in host.lost
        try:
            host.run(
                [
                    f"{_programs(state.version)}/pg_basebackup",
                    f"--dbname={state.primary}",
                    f"--pgdata={incoming}",
                    f"--slot={state.slot}",
                    "--wal-method=stream",
                    "--checkpoint=fast",
                    "--no-password",
                ],
                user="postgres",
                timeout=24 * 3600,
            )
        except CommandError as error:
            if not any(sign in error.log for sign in NOT_YET):
                raise OperationError("the primary cannot be copied", error.log or error.reason) from error
            if given_up:
                reason = f"{state.primary_host} failed ({host.lost[state.primary_host]}), so there is nothing to copy"
                raise OperationError(reason, error.log or error.reason) from error
            if time.monotonic() > deadline:
                raise OperationError(
                    f"the primary gave no copy within {state.deadline} s", error.log or error.reason
                ) from error
            host.note(f"waiting for the primary: {error.log.splitlines()[-1] if error.log else error.reason}")
            time.sleep(0.5)
        else:
            break
    (incoming / "standby.signal").touch(mode=0o600)
    shutil.chown(incoming / "standby.signal", "postgres", "postgres")
    incoming.rename(data)
