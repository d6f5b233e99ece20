"""What lies in the drop, seen without trusting its sender: no link is followed, at no level."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 32
"""Folders in folders; a deeper one is set aside whole."""


@dataclass(frozen=True)
class Arrival:
    """One file, link or too deep folder; ``path`` is relative to the drop, undecodable bytes in it are kept."""

    path: str
    status: os.stat_result

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)

    @property
    def changed(self) -> float:
        """When it was last written, renamed or touched: a time that its sender cannot set."""
        return self.status.st_ctime

    @property
    def version(self) -> tuple[int, int, int]:
        """Differs whenever the file's content may."""
        return self.status.st_ino, self.status.st_ctime_ns, self.status.st_size

    @property
    def kind(self) -> str:
        return (
            "a link"
            if stat.S_ISLNK(self.status.st_mode)
            else "a folder nested too deep"
            if stat.S_ISDIR(self.status.st_mode)
            else "a special file"
        )


def arrivals(root: Path) -> Iterator[Arrival]:
    """Everything in the drop that is no ordinary folder, by path."""
    for folder, names, files, descriptor in os.fwalk(root, follow_symlinks=False):
        names.sort()
        relative = os.path.relpath(folder, root)
        above = "" if relative == "." else relative + "/"
        depth = above.count("/")
        for name in sorted(files) + list(names):
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue  # Its sender renamed or removed it just now.
            if not stat.S_ISDIR(status.st_mode) or depth >= DEEPEST:
                yield Arrival(above + name, status)
        if depth >= DEEPEST:
            names.clear()


def empty_folders(root: Path, before: float) -> Iterator[str]:
    """Empty folders that were not changed since ``before``, the deepest first."""
    for folder, names, files, descriptor in os.fwalk(root, topdown=False, follow_symlinks=False):
        relative = os.path.relpath(folder, root)
        if relative != "." and not names and not files and os.fstat(descriptor).st_ctime < before:
            yield relative


def open_folder(root: Path, path: str) -> int:
    """Descriptor of the folder that holds ``path``, opened level by level. Raises OSError where a link is met."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    for part in path.split("/")[:-1]:
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


def open_file(root: Path, path: str) -> int:
    """Descriptor of a regular file for reading. Raises OSError, also for whatever else is there by now."""
    folder = open_folder(root, path)
    try:
        name = path.rpartition("/")[2]
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{name!r} is not a file any more")
    return descriptor
