"""Archives by what unpacking them would do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import stat
import tarfile
import zipfile
from collections.abc import Callable

import pytest

from hosts.services.scanner.archives import Objection, inspect

BUDGET = 1_000_000


def zip_of(*members: tuple[str, bytes], mode: int = 0o644, kind: int = stat.S_IFREG) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (kind | mode) << 16
            archive.writestr(info, content)
    return buffer.getvalue()


def tar_of(*members: tuple[str, bytes, str], mode: str = "w") -> bytes:
    """Members as name, type, and target of a link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return buffer.getvalue()


def tar_with(name: str, content: bytes, mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def encrypted(content: bytes) -> bytes:
    """A zip whose member says that it is encrypted."""
    data = bytearray(content)
    at = data.rindex(b"PK\x01\x02")
    data[at + 8] |= 1
    return bytes(data)


def times(count: int, wrap: Callable[[bytes], bytes], content: bytes) -> bytes:
    for _ in range(count):
        content = wrap(content)
    return content


FINE = {
    "text": b"Akte",
    "nothing": b"",
    "a zip": zip_of(("a/b.txt", b"x"), ("ä.txt", b"y")),
    "a tar": tar_with("a/b.txt", b"x"),
    "a compressed tar": tar_with("a", b"x" * 5000, "w:xz"),
    "a zip in a tar": tar_with("a.zip", zip_of(("b", b"c")), "w:gz"),
    "a link inside": tar_of(("a/b", tarfile.SYMTYPE, "../c")),
    "a compressed file": gzip.compress(b"text" * 100),
    "a document that is a zip": zip_of(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")),
    "random bytes": random.Random(7).randbytes(20_000),
}

REFUSED = {
    "an absolute path": (zip_of(("/etc/x", b"")), "outside the archive's folder"),
    "a drive": (zip_of(("C:/x", b"")), "outside the archive's folder"),
    "a path upwards": (tar_with("a/../../x", b""), "outside the archive's folder"),
    "a path upwards with backslashes": (zip_of(("a\\..\\..\\x", b"")), "outside the archive's folder"),
    "a link out of a zip": (zip_of(("x", b"../../etc"), kind=stat.S_IFLNK), "a link out of the archive"),
    "an absolute link": (tar_of(("x", tarfile.SYMTYPE, "/etc/passwd")), "a link out of the archive"),
    "a hard link out": (tar_of(("a/b/x", tarfile.LNKTYPE, "../x")), "a link out of the archive"),
    "a way through a link": (
        tar_of(("a/b/x", tarfile.SYMTYPE, "../.."), ("a/b/x/y", tarfile.REGTYPE, "")), "through a link",
    ),
    "a link in a folder's place": (
        tar_of(("a/b", tarfile.REGTYPE, ""), ("a", tarfile.SYMTYPE, "c")), "through a link",
    ),
    "a device": (tar_of(("x", tarfile.CHRTYPE, "")), "a device or a pipe"),
    "a bomb": (zip_of(("x", bytes(BUDGET + 1))), "expands to more"),
    "a bomb of many members": (zip_of(*((str(n), bytes(BUDGET // 5)) for n in range(6))), "expands to more"),
    "a compressed bomb": (gzip.compress(bytes(BUDGET + 1)), "expands to more"),
    "a bomb in a tar": (tar_with("x", bytes(BUDGET + 1), "w:bz2"), "expands to more"),
    "a bomb in a zip in a zip": (zip_of(("a.zip", zip_of(("x", bytes(BUDGET))))), "expands to more"),
    "a bad name far inside": (zip_of(("a.tar.gz", tar_with("../x", b"", "w:gz"))), "outside the archive's folder"),
    "nesting without end": (times(12, gzip.compress, b"x"), "nested deeper"),
    "an encrypted member": (encrypted(zip_of(("x", b"y"))), "is encrypted"),
    "a zip cut off": (zip_of(("x", random.Random(1).randbytes(500)))[:300], "damaged"),
    "a gzip cut off": (gzip.compress(random.Random(1).randbytes(500))[:300], "damaged"),
    "a zip behind other text": (b"text" * 10 + zip_of(("../x", b"")), "outside the archive's folder"),
    "a bzip2 bomb": (bz2.compress(bytes(BUDGET + 1)), "expands to more"),
    "an xz bomb": (lzma.compress(bytes(BUDGET + 1)), "expands to more"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FINE)
def test_what_is_harmless_to_unpack_raises_nothing(kind: str) -> None:
    inspect(io.BytesIO(FINE[kind]), BUDGET)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_is_refused_with_its_reason(kind: str) -> None:
    content, reason = REFUSED[kind]
    with pytest.raises(Objection, match=reason):
        inspect(io.BytesIO(content), BUDGET)
