"""Copying a layer that is still being written to, so that little is left to do while everything is frozen.

First everything is copied while hosts run; then, while they are frozen, what changed since. That is reported by
inode and time of change. A file that a process has mapped into its memory can change without a new time, but only
until it is written out, which is done first; so whatever has a time after that is copied again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.base.handler import HandlerError
from rehearsal.base.mounts import run
from rehearsal.snapshots.copying import copy_layer

MARGIN = 1.0
"""Seconds by which the kernel's times of change may lag behind the clock, many times over."""

AT_ONCE = 500
"""Paths on one command line."""


@dataclass(frozen=True)
class _Entry:
    inode: int
    changed: str
    """Seconds since the epoch, as exactly as the file system has them."""
    kind: str
    """As find's %y: d for a folder."""


@dataclass
class Following:
    """A layer and its copy, first roughly the same, then exactly."""

    upper: Path
    target: Path
    _since: float = 0.0
    _seen: dict[str, _Entry] = field(default_factory=dict)

    def copy(self) -> None:
        """Copy what is there, while it changes."""
        self._since = time.time() - MARGIN
        run("sync", "--file-system", str(self.upper))
        self._seen = _entries(self.upper)
        copy_layer(self.upper, self.target, living=True)

    def catch_up(self) -> int:
        """Make the copy the same, while nothing changes; returns how many entries that concerned."""
        now = _entries(self.upper)
        changed = [path for path, entry in now.items() if self._differs(path, entry)]
        gone = [path for path in self._seen if path not in now]
        for path in (*gone, *(path for path in changed if not self._stays_folder(path, now[path]))):
            _remove(self.target / path)
        folders = [path for path in changed if now[path].kind == "d"]
        files = [path for path in changed if now[path].kind != "d"]
        for path in sorted(folders):
            (self.target / path).mkdir(exist_ok=True)
        for first in range(0, len(files), AT_ONCE):
            self._copy(files[first : first + AT_ONCE])
        for path in sorted(folders, reverse=True):
            _copy_attributes(self.upper / path, self.target / path)
        return len(changed) + len(gone)

    def _differs(self, path: str, entry: _Entry) -> bool:
        missing = not os.path.lexists(self.target / path)
        return missing or self._seen.get(path) != entry or float(entry.changed) >= self._since

    def _stays_folder(self, path: str, entry: _Entry) -> bool:
        """The same folder as before: what is in it was seen too. Another one of this name begins empty."""
        before = self._seen.get(path)
        return before is not None and (before.kind, before.inode) == (entry.kind, entry.inode) and entry.kind == "d"

    def _copy(self, paths: list[str]) -> None:
        """Files with several names stay one file, if all their names are here: a new name is a change of all."""
        command = ["cp", "--archive", "--reflink=auto", "--parents", "--target-directory", str(self.target), "--"]
        done = subprocess.run([*command, *paths], cwd=self.upper, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HandlerError(f"What changed in {self.upper} could not be copied: {done.stderr.strip()}")


def _entries(folder: Path) -> dict[str, _Entry]:
    """All below a folder, by path; with a command of the machine, since Python would take seconds for it."""
    command = ["find", ".", "-mindepth", "1", "-printf", r"%i %C@ %y %P\0"]
    # What is removed while it looks is reported on standard error and is no failure.
    found = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout
    entries = {}
    for line in os.fsdecode(found).split("\0")[:-1]:
        inode, changed, kind, path = line.split(" ", 3)
        entries[path] = _Entry(int(inode), changed, kind)
    return entries


def _copy_attributes(source: Path, target: Path) -> None:
    """Owner, mode, times, and extended attributes, with which an overlay marks opaque folders."""
    about = source.lstat()
    os.chown(target, about.st_uid, about.st_gid)
    for name in set(os.listxattr(target)) - set(os.listxattr(source)):
        os.removexattr(target, name)
    shutil.copystat(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
