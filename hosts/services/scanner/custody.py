"""A file in the service's hands: taken from its sender, copied, and put where it belongs.

Every step is a rename or a link within one file system: whenever the service is killed, the file is whole in one
place, and the next start gives what was not finished back to the drop.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from . import arrivals, records
from .settings import Settings

CHUNK = 1024 * 1024


class Occupied(Exception):
    """Something else is already where a clean file should go."""


class Custody:
    """One arrival in a folder of its own below ``work``, which only the service may enter."""

    def __init__(self, settings: Settings, folder: Path, path: str) -> None:
        self._settings = settings
        self.folder = folder
        self.path = path
        self.sum = ""
        self.size = 0

    @classmethod
    def take(cls, settings: Settings, path: str) -> Custody:
        """Rename an arrival into a new work folder. Raises OSError when it is not there any more."""
        identifier = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        folder = settings.work / identifier
        folder.mkdir(mode=0o700)
        records.replace(folder / "path", {"path": path})
        source = arrivals.open_folder(settings.incoming, path)
        try:
            os.rename(path.rpartition("/")[2], folder / "original", src_dir_fd=source)
        except OSError:
            shutil.rmtree(folder)
            raise
        finally:
            os.close(source)
        taken = cls(settings, folder, path)
        taken.size = os.lstat(folder / "original").st_size
        return taken

    @property
    def identifier(self) -> str:
        return self.folder.name

    def copy(self) -> BinaryIO:
        """Copy the content, which the sender may still hold open, and compute the copy's sum; returns the copy."""
        source = os.open(self.folder / "original", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        digest, size = hashlib.sha256(), 0
        with os.fdopen(source, "rb") as original, open(self.folder / "copy", "xb") as made:
            status = os.fstat(source)
            while chunk := original.read(CHUNK):
                size += len(chunk)
                if size > self._settings.largest_file:
                    break
                digest.update(chunk)
                made.write(chunk)
            made.flush()
            os.fsync(made.fileno())
            os.utime(made.fileno(), ns=(status.st_mtime_ns, status.st_mtime_ns))
            os.fchmod(made.fileno(), 0o600)
        # A copy that was broken off has no sum, and never takes the original's place.
        self.sum, self.size = "" if size > self._settings.largest_file else digest.hexdigest(), size
        return open(self.folder / "copy", "rb")

    def release(self) -> bool:
        """Put the copy into ``clean``; False when the same file is there already. Raises Occupied."""
        target = self._settings.folder / "clean" / self.path
        group = (self._settings.folder / "clean").stat().st_gid
        made = [folder for folder in target.parents if not folder.exists()]
        try:
            for folder in reversed(made):
                folder.mkdir()
                os.chown(folder, -1, group)
                folder.chmod(0o750)
            os.chown(self.folder / "copy", -1, group)
            (self.folder / "copy").chmod(0o640)
            # A link, not a rename: it never takes another file's place.
            os.link(self.folder / "copy", target)
        except (FileExistsError, NotADirectoryError):
            if target.is_symlink() or not target.is_file() or _sum_of(target) != self.sum:
                raise Occupied(
                    "a different file of this name is in clean already: send it under another name"
                ) from None
            return False
        return True

    def set_aside(self, place: str, **fields: object) -> None:
        """Put the file, as ``content``, into a folder of its own below ``place``, along with a record."""
        folder = self._settings.folder / place / self.identifier
        folder.mkdir(mode=0o700, exist_ok=True)
        records.replace(folder / "record.json", {"path": self.path, **fields})
        whole = self.folder / "copy" if self.sum else self.folder / "original"
        whole.rename(folder / "content")

    def done(self) -> None:
        """Remove what is left of it here: it is somewhere else now."""
        original = self.folder / "original"
        if original.is_dir() and not original.is_symlink():
            raise OSError(f"{original} is a folder and is not removed")
        shutil.rmtree(self.folder)

    def give_back(self) -> bool:
        """Put the original back into the drop; False when its place is taken or gone."""
        (self.folder / "copy").unlink(missing_ok=True)
        self.sum = ""
        try:
            target = arrivals.open_folder(self._settings.incoming, self.path)
        except OSError:
            return False
        name = self.path.rpartition("/")[2]
        try:
            if _is_taken(name, target):
                return False
            os.rename(self.folder / "original", name, dst_dir_fd=target)
        finally:
            os.close(target)
        shutil.rmtree(self.folder)
        return True


def interrupted(settings: Settings) -> Iterator[Custody]:
    """What an earlier run of the service was working on when it ended."""
    for folder in sorted(settings.work.iterdir()):
        try:
            path = json.loads((folder / "path").read_text())["path"]
        except (OSError, ValueError, KeyError):
            path = folder.name
        if not os.path.lexists(folder / "original"):
            shutil.rmtree(folder)  # It is somewhere else already, or was never taken.
            continue
        yield Custody(settings, folder, path)


def _is_taken(name: str, folder: int) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def opened(settings: Settings, path: str) -> Iterator[BinaryIO]:
    """A file in the drop, read where it lies."""
    with os.fdopen(arrivals.open_file(settings.incoming, path), "rb") as file:
        yield file


def sum_of(file: BinaryIO) -> str:
    """SHA-256 in hexadecimal digits."""
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sum_of(path: Path) -> str:
    with path.open("rb") as file:
        return sum_of(file)
