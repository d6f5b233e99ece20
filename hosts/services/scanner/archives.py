"""What is inside an archive: whether unpacking it would write outside its folder, or never end.

clamd looks for malware in many more kinds; here zip, tar, gzip, bzip2 and xz are looked into, also in each other,
for what is no malware and dangerous to whoever unpacks it. Nothing is unpacked: what must be read is read in memory
or from an unnamed temporary file, within a budget.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import posixpath
import re
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, BinaryIO, cast

DEEPEST = 8
"""Archives in archives."""
MOST_MEMBERS = 100_000
HEAD = 512
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError,
    NotImplementedError, struct.error, KeyError, IndexError,
)  # fmt: skip
"""What the standard library raises for archives that are not as they should be."""


class Objection(Exception):
    """Why an archive cannot go on."""


@dataclass
class _Budget:
    left: int
    members: int = MOST_MEMBERS

    def spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Objection("it expands to more than may be scanned: send it in smaller parts")

    def count(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise Objection(f"it has more than {MOST_MEMBERS} members: send it in smaller parts")


@dataclass
class _Layout:
    """Where the members of one archive would go."""

    links: set[str] = field(default_factory=set)
    parents: set[str] = field(default_factory=set)

    def add(self, name: str, link: str | None = None, hard: bool = False) -> None:
        path = self._inside(name, f"its member {name!r} would be written outside the archive's folder")
        above = {"/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)}
        self.parents |= above
        if link is not None:
            start = "" if hard else posixpath.dirname(path)
            if link.startswith("/") or posixpath.normpath(posixpath.join(start, link)).split("/")[0] == "..":
                raise Objection(f"its member {name!r} is a link out of the archive, to {link!r}")
            self.links.add(path)
        if self.links & (above if link is None else above | (self.parents & {path})):
            raise Objection(f"its member {name!r} would be written through a link")

    def _inside(self, name: str, otherwise: str) -> str:
        parts = re.split(r"[/\\]", name)
        if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in parts or "\0" in name:
            raise Objection(f"{otherwise}: pack it with relative names")
        return posixpath.normpath(name.rstrip("/") or ".")


class _Forward(io.RawIOBase):
    """Reads on, never back, and every byte costs where there is a budget."""

    def __init__(self, source: IO[bytes], budget: _Budget | None = None) -> None:
        self._source = source
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._source.read(len(buffer))
        if self._budget is not None:
            self._budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)


def inspect(file: BinaryIO, largest_expansion: int) -> None:
    """Look into a file from its beginning. Raises Objection; a file that is no archive raises nothing."""
    budget = _Budget(largest_expansion)
    try:
        file.seek(0)
        head = file.read(HEAD)
        file.seek(0)
        # Its directory is at the end: a zip may begin with anything.
        if zipfile.is_zipfile(file):
            file.seek(0)
            _zip(file, budget, 1)
            return
        file.seek(0)
        _look(io.BufferedReader(_Forward(file)), head, budget, 1)
    except DAMAGED as error:
        raise Objection(
            f"it is damaged or not readable as the archive it seems to be ({type(error).__name__})"
        ) from error


def _look(stream: IO[bytes], head: bytes, budget: _Budget, depth: int) -> None:
    """Look into what begins with ``head``; ``stream`` is at its beginning and need not be seekable."""
    if depth > DEEPEST:
        raise Objection(f"archives are nested deeper than {DEEPEST}: unpack some of them")
    if head.startswith(b"PK\x03\x04"):
        with tempfile.SpooledTemporaryFile(max_size=8 * 2**20) as whole:
            while part := stream.read(256 * 1024):
                whole.write(part)
            whole.seek(0)
            _zip(cast(BinaryIO, whole), budget, depth)
    elif head[257:262] == b"ustar":
        _tar(stream, budget, depth)
    elif (inner := _expanded(stream, head)) is not None:
        reader = io.BufferedReader(_Forward(inner, budget), 64 * 1024)
        _look(reader, reader.peek(HEAD)[:HEAD], budget, depth + 1)
        while reader.read(256 * 1024):  # to its end, however long it is
            pass


def _expanded(stream: IO[bytes], head: bytes) -> IO[bytes] | None:
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(stream))
    if head.startswith(b"\xfd7zXZ\0"):
        return cast(IO[bytes], lzma.LZMAFile(stream))
    return None


def _zip(file: BinaryIO, budget: _Budget, depth: int) -> None:
    layout = _Layout()
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            budget.count()
            # What was written, not what the library made of it.
            name = info.orig_filename
            if info.flag_bits & 0x1:
                raise Objection(f"its member {name!r} is encrypted and cannot be scanned: send it without a password")
            if stat.S_ISLNK(info.external_attr >> 16):
                with archive.open(info) as member:
                    layout.add(name, member.read(4096).decode("utf-8", "replace"))
                continue
            layout.add(name)
            if info.is_dir():
                continue
            budget.spend(info.file_size)  # what it says: the library reads no more than that
            with archive.open(info) as member:
                _member(member, budget, depth)


def _tar(stream: IO[bytes], budget: _Budget, depth: int) -> None:
    layout = _Layout()
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            budget.count()
            if info.issym() or info.islnk():
                layout.add(info.name, info.linkname, hard=info.islnk())
            elif info.isfile():
                layout.add(info.name)
                if (member := archive.extractfile(info)) is not None:
                    _member(member, budget, depth)
            elif info.isdir():
                layout.add(info.name)
            else:
                raise Objection(f"its member {info.name!r} is a device or a pipe")


def _member(member: IO[bytes], budget: _Budget, depth: int) -> None:
    # What it costs was paid with its archive.
    reader = io.BufferedReader(_Forward(member), 4096)
    _look(reader, reader.peek(HEAD)[:HEAD], budget, depth + 1)
