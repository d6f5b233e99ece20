"""A component's archive, unpacked below a folder of its version."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hosts.agent.host import Host
from hosts.agent.operations.files import kind_of
from hosts.agent.results import Difference, OperationError
from hosts.states import Archive
from hosts.states.archives import CURRENT

LISTING = ".livegang.json"
"""Beside what was unpacked: the archive's checksum, and each file with mode, size and time, to see later edits."""


def compare_archive(state: Archive, host: Host) -> list[Difference]:
    differences = []
    folder = host.path(state.folder)
    if not folder.is_dir():
        differences.append(Difference("not unpacked"))
    else:
        differences += _compare_contents(state, folder)
    current = host.path(f"{state.target}/current")
    if (kind := kind_of(current)) not in ("", "link"):
        raise OperationError(f"{state.target}/current is a {kind}, not a link; it is not removed for you")
    wanted = PurePosixPath(state.folder).name
    if not kind:
        differences.append(Difference(f"{CURRENT} missing"))
    elif (now := str(current.readlink())) != wanted:
        differences.append(Difference(f"{CURRENT} is {now} instead of {wanted}"))
    return differences


def _compare_contents(state: Archive, folder: Path) -> list[Difference]:
    try:
        listing = json.loads((folder / LISTING).read_text())
    except (FileNotFoundError, ValueError):
        return [Difference("unpacked by someone else")]
    if listing["sha256"] != state.sha256:
        return [Difference(f"unpacked from another archive (SHA-256 {listing['sha256'][:12]}…)")]
    now = _contents(folder)
    then = listing["files"]
    changes = [f"{name} is missing" for name in then if name not in now]
    changes += [f"{name} was added" for name in now if name not in then]
    changes += [f"{name} was edited" for name in now if name in then and now[name] != then[name]]
    return [Difference(change) for change in sorted(changes)]


def _contents(folder: Path) -> dict[str, list[int]]:
    """Mode, size and time (ns) of everything in a folder. What Python compiles for itself is no change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        if path.name == LISTING or "__pycache__" in path.parts or stat.S_ISDIR(status.st_mode):
            continue
        found[str(path.relative_to(folder))] = [status.st_mode, status.st_size, status.st_mtime_ns]
    return found


def apply_archive(state: Archive, host: Host) -> None:
    folder, target = host.path(state.folder), host.path(state.target)
    target.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir() or _compare_contents(state, folder):
        incoming = target / f".{folder.name}.incoming"
        outgoing = target / f".{folder.name}.outgoing"
        for rest in (incoming, outgoing):
            shutil.rmtree(rest, ignore_errors=True)
        incoming.mkdir()
        _unpack(host.artifact(state.file, state.sha256), incoming, state.file)
        (incoming / LISTING).write_text(json.dumps({"sha256": state.sha256, "files": _contents(incoming)}))
        if folder.exists():
            folder.rename(outgoing)
        incoming.rename(folder)
        shutil.rmtree(outgoing, ignore_errors=True)
    current = target / "current"
    temporary = target / ".current.livegang"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name)
    temporary.replace(current)


def _unpack(archive: BinaryIO, folder: Path, name: str) -> None:
    """Unpack as root's files. Nothing may point out of the folder, and nothing but files, folders and links come."""
    archive.seek(0)
    try:
        with tarfile.open(fileobj=archive, mode="r:*") as tar:
            for member in tar:
                _refuse_unsafe(member, name)
                member.uid = member.gid = 0
                member.uname = member.gname = "root"
                member.mode = (member.mode & 0o755) | (0o700 if member.isdir() else 0o600)
                tar.extract(member, folder, numeric_owner=True)
    except tarfile.TarError as error:
        raise OperationError(f"{name} is not a tar archive that can be unpacked: {error}") from error


def _refuse_unsafe(member: tarfile.TarInfo, name: str) -> None:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        raise OperationError(f"{name} is refused: {member.name!r} would be unpacked outside its folder")
    if member.issym() or member.islnk():
        link = PurePosixPath(member.linkname)
        place = path.parent / link if member.issym() else link
        if link.is_absolute() or os.path.normpath(place).startswith(".."):
            raise OperationError(f"{name} is refused: link {member.name!r} points outside its folder")
    elif not (member.isfile() or member.isdir()):
        raise OperationError(f"{name} is refused: {member.name!r} is neither a file, a folder nor a link")
