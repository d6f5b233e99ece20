"""Component archives: unpacked whole, edits seen, nothing outside their folder."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from hosts.agent.operations import archives
from hosts.agent.results import OperationError
from hosts.states import Archive
from tests.hosts.conftest import Scratch


def tar(*members: tuple[str, bytes | str]) -> bytes:
    """A tar with files (bytes) and links (text: the target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


ONE = tar(("app/main.py", b"print(1)\n"), ("app/data.txt", b"data\n"))
TWO = tar(("app/main.py", b"print(2)\n"))


def state(version: str, content: bytes) -> Archive:
    return Archive(
        component="pep", version=version, file="a.tar", sha256=hashlib.sha256(content).hexdigest(), target="/opt/pep"
    )


def unpack(scratch: Scratch, wanted: Archive, content: bytes) -> None:
    host = scratch.host(wanted)

    def fetch(file: str, sha256: str) -> BinaryIO:
        return io.BytesIO(content)

    host._fetch = fetch
    archives.apply_archive(wanted, host)


def test_an_archive_becomes_the_current_version(scratch: Scratch) -> None:
    wanted = state("1.0", ONE)
    assert scratch.compare(wanted) == ["not unpacked", "current version missing"]
    unpack(scratch, wanted, ONE)
    assert scratch.compare(wanted) == []
    assert (scratch.root / "opt/pep/current/app/main.py").read_text() == "print(1)\n"


def test_the_next_version_is_kept_next_to_the_last(scratch: Scratch) -> None:
    unpack(scratch, state("1.0", ONE), ONE)
    wanted = state("1.1", TWO)
    assert scratch.compare(wanted) == ["not unpacked", "current version is pep-1.0 instead of pep-1.1"]
    unpack(scratch, wanted, TWO)
    assert scratch.compare(wanted) == []
    assert (scratch.root / "opt/pep/pep-1.0/app/main.py").exists()


def test_going_back_to_a_version_that_is_there_fetches_nothing(scratch: Scratch) -> None:
    unpack(scratch, state("1.0", ONE), ONE)
    unpack(scratch, state("1.1", TWO), TWO)
    scratch.apply(state("1.0", ONE))
    assert scratch.compare(state("1.0", ONE)) == []


def test_later_edits_are_seen_and_repaired(scratch: Scratch) -> None:
    wanted = state("1.0", ONE)
    unpack(scratch, wanted, ONE)
    folder = scratch.root / "opt/pep/pep-1.0/app"
    (folder / "main.py").write_text("print(3)\n")
    (folder / "data.txt").unlink()
    (folder / "extra.py").write_text("")
    expected = ["app/data.txt is missing", "app/extra.py was added", "app/main.py was edited"]
    assert scratch.compare(wanted) == expected
    unpack(scratch, wanted, ONE)
    assert scratch.compare(wanted) == []


def test_what_python_compiles_is_no_edit(scratch: Scratch) -> None:
    unpack(scratch, state("1.0", ONE), ONE)
    cached = scratch.root / "opt/pep/pep-1.0/app/__pycache__"
    cached.mkdir()
    (cached / "main.pyc").write_bytes(b"x")
    assert scratch.compare(state("1.0", ONE)) == []


def test_the_same_version_from_another_archive_differs(scratch: Scratch) -> None:
    unpack(scratch, state("1.0", ONE), ONE)
    (difference,) = scratch.compare(state("1.0", TWO))
    assert difference.startswith("unpacked from another archive (SHA-256 ")


def test_what_a_killed_run_left_is_never_taken_for_the_version(scratch: Scratch) -> None:
    (scratch.root / "opt/pep/.pep-1.0.incoming/app").mkdir(parents=True)
    assert scratch.compare(state("1.0", ONE)) == ["not unpacked", "current version missing"]
    unpack(scratch, state("1.0", ONE), ONE)
    assert sorted(path.name for path in (scratch.root / "opt/pep").iterdir()) == ["current", "pep-1.0"]


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (("/etc/passwd", b"x"), "outside its folder"),
        (("../../etc/passwd", b"x"), "outside its folder"),
        (("app/link", "/etc"), "points outside"),
        (("app/link", "../../etc"), "points outside"),
    ],
)
def test_an_archive_that_reaches_out_is_refused(scratch: Scratch, member: tuple[str, bytes | str], reason: str) -> None:
    content = tar(member)
    with pytest.raises(OperationError, match=f"a.tar is refused: .*{reason}"):
        unpack(scratch, state("1.0", content), content)
    assert not (scratch.root / "opt/pep/current").exists()


def test_a_device_is_refused(scratch: Scratch) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("app/null")
        entry.type = tarfile.CHRTYPE
        archive.addfile(entry)
    with pytest.raises(OperationError, match="neither a file, a folder nor a link"):
        unpack(scratch, state("1.0", buffer.getvalue()), buffer.getvalue())


def test_a_file_that_is_no_archive_is_named(scratch: Scratch) -> None:
    with pytest.raises(OperationError, match=r"a\.tar is not a tar archive"):
        unpack(scratch, state("1.0", b"no"), b"no" * 600)


def test_no_one_else_may_write_what_was_unpacked(scratch: Scratch) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("app/tool")
        entry.mode, entry.uid = 0o6777, 4711
        archive.addfile(entry)
    unpack(scratch, state("1.0", buffer.getvalue()), buffer.getvalue())
    status = Path(scratch.root / "opt/pep/current/app/tool").stat()
    assert status.st_mode & 0o7777 == 0o755
    assert status.st_uid == os.getuid()
