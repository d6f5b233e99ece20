"""Files, directories, links, and what must not be there."""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path

from hosts.agent.host import Host
from hosts.agent.operations import atomic
from hosts.agent.results import Difference, OperationError
from hosts.states import Absent, Directory, File, Link, Secret

DIFF_LINES = 60
"""A longer diff is cut: whoever needs all of it has the templates."""


def kind_of(path: Path) -> str:
    """What is at a path, in words; empty when nothing is."""
    try:
        mode = path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return ""
    names = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    return names.get(stat.S_IFMT(mode), "special file")


def compare_directory(state: Directory, host: Host) -> list[Difference]:
    path = host.path(state.path)
    if (kind := kind_of(path)) == "":
        return [Difference("missing")]
    if kind != "directory":
        raise OperationError(f"{state.path} is a {kind}, not a directory; it is not removed for you")
    return atomic.compare_rights(host, path.lstat(), state.owner, state.group, state.mode)


def apply_directory(state: Directory, host: Host) -> None:
    path = host.path(state.path)
    uid, gid = atomic.numbers(host, state.owner, state.group)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(path, uid, gid)
    path.chmod(state.mode)


def content_of(state: File, host: Host) -> bytes:
    """The wanted content, secrets filled in."""
    parts = (host.vault.value(part.purpose) if isinstance(part, Secret) else part for part in state.content)
    return "".join(parts).encode()


def compare_file(state: File, host: Host) -> list[Difference]:
    path = host.path(state.path)
    if (kind := kind_of(path)) == "":
        return [Difference("missing")]
    if kind in ("directory", "special file"):
        raise OperationError(f"{state.path} is a {kind}, not a file; it is not removed for you")
    if kind == "link":
        return [Difference(f"a link to {path.readlink()} instead of a file")]
    wanted, now = content_of(state, host), path.read_bytes()
    differences = atomic.compare_rights(host, path.lstat(), state.owner, state.group, state.mode)
    if wanted != now:
        differences.append(_content_difference(state, now, wanted))
    return differences


def _content_difference(state: File, now: bytes, wanted: bytes) -> Difference:
    if state.secrets():
        return Difference("secret content differs")
    try:
        before, after = now.decode().splitlines(), wanted.decode().splitlines()
    except UnicodeDecodeError:
        return Difference("content differs (not text)")
    if before == after:
        return Difference("line ends differ")
    lines = list(difflib.unified_diff(before, after, "on the host", "wanted", n=1, lineterm=""))[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    if len(lines) > DIFF_LINES:
        lines = [*lines[:DIFF_LINES], f"… {len(lines) - DIFF_LINES} more lines"]
    return Difference(f"content differs (+{added} -{removed} lines)", tuple(lines))


def apply_file(state: File, host: Host) -> None:
    def validate(candidate: Path) -> None:
        host.run([word.replace("{}", str(candidate)) for word in state.check])

    atomic.write(
        host,
        host.path(state.path),
        content_of(state, host),
        state.owner,
        state.group,
        state.mode,
        validate if state.check else None,
    )
    _forget_units(state.path, host)


def _forget_units(path: str, host: Host) -> None:
    if path.startswith("/etc/systemd/system/"):
        host.facts.forget_units()
        host.units_are_read = False


def compare_link(state: Link, host: Host) -> list[Difference]:
    path = host.path(state.path)
    if (kind := kind_of(path)) == "":
        return [Difference("missing")]
    if kind == "directory":
        raise OperationError(f"{state.path} is a directory, not a link; it is not removed for you")
    if kind != "link":
        return [Difference(f"a {kind} instead of a link to {state.target}")]
    if (target := str(path.readlink())) != state.target:
        return [Difference(f"points to {target} instead of {state.target}")]
    return []


def apply_link(state: Link, host: Host) -> None:
    path = host.path(state.path)
    temporary = path.with_name(f".{path.name}.livegang")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(state.target)
    temporary.replace(path)


def compare_absent(state: Absent, host: Host) -> list[Difference]:
    if (kind := kind_of(host.path(state.path))) == "directory":
        raise OperationError(f"{state.path} is a directory; it is not removed for you")
    return [Difference(f"a {kind} is there")] if kind else []


def apply_absent(state: Absent, host: Host) -> None:
    host.path(state.path).unlink(missing_ok=True)
    _forget_units(state.path, host)
