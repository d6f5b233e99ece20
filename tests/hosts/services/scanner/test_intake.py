"""What becomes of each kind of arrival. clamd is a table here; the real one is asked by verify/test_transfer.py."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from hosts.services.scanner.arrivals import arrivals
from tests.hosts.services.scanner.drop import EICAR, LARGEST, Drop


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(5_000_000))
    return buffer.getvalue()


def linked(name: str, target: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, target
        archive.addfile(member)
    return buffer.getvalue()


CONTENTS: dict[str, tuple[bytes, str, str]] = {
    "a clean file": (b"Akte", "clean", "None"),
    "an empty file": (b"", "clean", "None"),
    "a clean zip": (zipped("Akte.txt", b"x"), "clean", "None"),
    "EICAR": (EICAR, "infected", "Eicar"),
    "EICAR in a zip": (zipped("a", EICAR), "infected", "Eicar"),
    "EICAR in a zip in a zip": (zipped("b.zip", zipped("a", EICAR)), "infected", "Eicar"),
    "a file that clamd could not look into completely": (b"LIMIT", "unclear", "not all of it could be scanned"),
    "an encrypted archive": (b"ENCRYPTED", "unclear", "Heuristics.Encrypted.Zip"),
    "a file at which clamd fails": (b"BROKEN", "unclear", "clamd could not scan it"),
    "EICAR in a file that is too large": (EICAR + bytes(LARGEST), "unclear", "larger than"),
    "an archive bomb": (bomb(), "unclear", "expands to more"),
    "an archive with an absolute path": (zipped("/etc/cron.d/x", b""), "unclear", "outside the archive's folder"),
    "an archive with a path upwards": (zipped("../x", b""), "unclear", "outside the archive's folder"),
    "an archive with a link out": (linked("x", "../../etc"), "unclear", "a link out of the archive"),
    "a damaged archive": (zipped("a", b"x" * 50)[:60], "unclear", "damaged"),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_goes_where_its_content_belongs(kind: str, drop: Drop) -> None:
    content, verdict, reason = CONTENTS[kind]
    drop.put("Akte.bin", content)
    drop.announce("Akte.sha256", "Akte.bin")
    drop.run()
    assert drop.verdicts() == {"Akte.bin": verdict, "Akte.sha256": "manifest"}
    assert reason in drop.reason("Akte.bin")
    assert drop.inside(verdict) == [content]
    assert sum(len(drop.inside(place)) for place in ("clean", "infected", "unclear", "work", "drop")) == 1


NAMES: dict[str, tuple[str, str]] = {
    "umlauts": ("Häuser/Pflegegrad Übersicht ß.pdf", "clean"),
    "255 bytes": ("ä" * 125 + "x.pdf", "clean"),
    "two dots in front": ("..Akte", "clean"),
    "a newline": ("Akte\nzwei.pdf", "unclear"),
    "a backslash": ("..\\..\\Akte", "unclear"),
    "not UTF-8": (os.fsdecode(b"H\xe4user.pdf"), "unclear"),
    "a colon": ("C:Akte", "unclear"),
    "a dot at its end": ("Akte.", "unclear"),
    "a device of Windows": ("nul.txt", "unclear"),
    "text that turns its direction": ("Akte\u202efdp.exe", "unclear"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_not_everybody_can_carry_goes_no_further(kind: str, drop: Drop) -> None:
    name, verdict = NAMES[kind]
    drop.put(name, b"Inhalt")
    drop.announce("SHA256SUMS", name)
    drop.run()
    assert drop.verdicts()[name] == verdict
    assert len(drop.settings.log.read_text().splitlines()) == 2, "a name with a line end is still one line"
    assert drop.inside(verdict) == [b"Inhalt"]
    assert (drop.settings.folder / "clean" / name).exists() == (verdict == "clean")
    if verdict == "unclear":
        assert "rename it and send it again" in drop.reason(name)


@pytest.mark.parametrize("kind", ["no manifest", "a bad name"])
def test_malware_is_malware_whatever_else_is_wrong(kind: str, drop: Drop) -> None:
    name = "Akte\n" if kind == "a bad name" else "Akte"
    drop.put(name, EICAR)
    if kind == "a bad name":
        drop.announce("x.sha256", name)
    drop.run(after=11)
    assert drop.verdicts()[name] == "infected"


MANIFESTS: dict[str, tuple[str, str]] = {
    "a path upwards": (f"{'0' * 64}  ../Akte\n", "line 1 of the manifest names a file outside"),
    "an absolute path": (f"{'0' * 64}  /etc/passwd\n", "line 1 of the manifest names a file outside"),
    "text": ("# sums\nAkte\n", "line 2 of the manifest is not as sha256sum writes it"),
    "a short sum": (f"{'0' * 63}  Akte\n", "line 1 of the manifest is not as sha256sum writes it"),
    "nothing": ("", "names no file"),
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_manifest_that_is_wrong_is_set_aside_and_its_file_waits(kind: str, drop: Drop) -> None:
    content, reason = MANIFESTS[kind]
    drop.put("Akte", b"Inhalt")
    drop.put("Akte.sha256", content.encode())
    drop.run()
    assert drop.verdicts() == {"Akte.sha256": "unclear"}
    assert reason in drop.reason("Akte.sha256")
    assert (drop.settings.incoming / "Akte").read_bytes() == b"Inhalt"
    drop.announce("Akte.sha256", "Akte")
    drop.run()
    assert drop.verdicts()["Akte"] == "clean"


def test_a_file_that_is_still_being_written_waits(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte")
    assert drop.run(after=0.5).waiting == 2
    assert drop.log() == []


def test_a_file_without_manifest_waits_for_one_and_is_then_set_aside(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.run()
    assert drop.log() == []
    drop.run(after=8)
    assert drop.verdicts() == {"Akte": "unclear"}
    assert "no manifest names it" in drop.reason("Akte")


def test_a_wrong_sum_waits_for_the_rest_of_the_file_and_is_then_set_aside(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte", sum="0" * 64)
    drop.run()
    assert drop.log() == []
    drop.run(after=8)
    assert drop.verdicts()["Akte"] == "unclear"
    assert "its sum is not the one in the manifest" in drop.reason("Akte")
    assert drop.inside("clean") == []


def test_a_wrong_manifest_is_repaired_by_a_right_one(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte", sum="0" * 64)
    drop.run()
    drop.announce("second.sha256", "Akte")
    drop.run()
    assert drop.verdicts()["Akte"] == "clean"


def test_what_a_manifest_names_and_never_comes_is_reported(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.put("other", b"Inhalt")
    drop.announce("SHA256SUMS", "Akte", "other")
    (drop.settings.incoming / "other").unlink()
    drop.run()
    assert drop.verdicts() == {"Akte": "clean"}
    drop.run(after=11)
    assert drop.verdicts() == {"Akte": "clean", "other": "missing", "SHA256SUMS": "manifest"}


def test_a_folder_s_manifest_counts_from_its_folder(drop: Drop) -> None:
    drop.put("area/Akte", b"Inhalt")
    sum_ = hashlib.sha256(b"Inhalt").hexdigest()
    drop.put("area/SHA256SUMS", f"SHA256 (Akte) = {sum_.upper()}\r\n".encode())
    drop.run()
    assert drop.verdicts()["area/Akte"] == "clean"
    assert (drop.settings.folder / "clean/area/Akte").read_bytes() == b"Inhalt"


LINKS: dict[str, Callable[[Path], None]] = {
    "a link out": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a folder": lambda path: path.symlink_to("/etc"),
    "a dangling link": lambda path: path.symlink_to("nowhere"),
    "a pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("kind", LINKS)
def test_what_is_no_file_is_set_aside_and_never_followed(kind: str, drop: Drop) -> None:
    LINKS[kind](drop.settings.incoming / "x")
    drop.run(after=20)
    assert drop.verdicts() == {"x": "unclear"}
    assert not os.path.lexists(drop.settings.incoming / "x")
    assert Path("/etc/passwd").exists()


def test_a_folder_that_becomes_a_link_under_way_is_not_followed(drop: Drop, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Akte").write_bytes(b"not the sender's")
    drop.put("area/Akte", b"Inhalt")
    drop.announce("SHA256SUMS", "area/Akte")

    def swap(file: BinaryIO) -> str:
        raise AssertionError("nothing may be scanned")

    found = list(arrivals(drop.settings.incoming))
    (drop.settings.incoming / "area").rename(drop.settings.incoming / "away")
    (drop.settings.incoming / "area").symlink_to(outside)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hosts.services.scanner.intake.arrivals", lambda root: iter(found))
        patch.setattr(drop.scanner, "scan", swap)
        drop.run()
    assert (outside / "Akte").read_bytes() == b"not the sender's"


def test_what_its_sender_writes_after_it_was_taken_changes_nothing(drop: Drop) -> None:
    file = drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte")
    with file.open("r+b") as held:
        drop.scanner.answers[b"Inhalt"] = "OK"
        drop.run()
        held.write(EICAR)
        held.flush()
    assert drop.inside("clean") == [b"Inhalt"]


def test_a_clean_file_never_takes_anothers_place(drop: Drop) -> None:
    for content, verdict, places in ((b"one", "clean", 1), (b"one", "clean", 1), (b"two", "unclear", 1)):
        drop.put("Akte", content)
        drop.announce("Akte.sha256", "Akte")
        drop.run()
        assert [entry["verdict"] for entry in drop.log() if entry["path"] == "Akte"][-1] == verdict
        assert drop.inside("clean") == [b"one"]
        assert len(drop.inside("clean")) == places


def test_no_one_else_may_read_what_is_not_clean(drop: Drop) -> None:
    for name, content in (("bad", EICAR), ("big", bytes(LARGEST + 1)), ("good", b"Inhalt")):
        drop.put(name, content)
    drop.announce("SHA256SUMS", "bad", "big", "good")
    drop.run()
    for place in ("infected", "unclear", "manifests"):
        folders = list((drop.settings.folder / place).iterdir())
        assert folders
        assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    assert (drop.settings.folder / "clean/good").stat().st_mode & 0o777 == 0o640
