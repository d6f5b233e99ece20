"""Files are written completely or not at all: next to their place, then moved there."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from hosts.agent.host import Host
from hosts.agent.results import Difference, OperationError


def write(
    host: Host,
    path: Path,
    content: bytes,
    owner: str,
    group: str,
    mode: int,
    validate: Callable[[Path], None] | None = None,
) -> None:
    """Put a file in its place; no one ever sees it half written or with other permissions."""
    uid, gid = numbers(host, owner, group)
    temporary = path.with_name(f".{path.name}.livegang")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchown(file.fileno(), uid, gid)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if validate is not None:
            validate(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def numbers(host: Host, owner: str, group: str) -> tuple[int, int]:
    """Number of a user and of a group. Raises OperationError when there is none of that name."""
    uid, gid = host.facts.uid(owner), host.facts.gid(group)
    if uid is None:
        raise OperationError(f"there is no user {owner}")
    if gid is None:
        raise OperationError(f"there is no group {group}")
    return uid, gid


def compare_rights(host: Host, status: os.stat_result, owner: str, group: str, mode: int) -> list[Difference]:
    """How owner, group and mode differ from the wanted ones."""
    differences = []
    if (now := stat.S_IMODE(status.st_mode)) != mode:
        differences.append(Difference(f"mode {now:04o} instead of {mode:04o}"))
    for what, number, wanted, of, database in (
        ("owner", status.st_uid, owner, host.facts.uid, "passwd"),
        ("group", status.st_gid, group, host.facts.gid, "group"),
    ):
        if number != of(wanted):
            names = [name for name, row in host.facts.accounts(database).items() if row[2] == str(number)]
            differences.append(Difference(f"{what} {names[0] if names else number} instead of {wanted}"))
    return differences
