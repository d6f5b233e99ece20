"""What the delivery service does with clean files, with a folder in the share's place that fails as shares do."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from hosts.services.scanner.courier import WORKING, Courier, Tally
from hosts.services.scanner.delivery_settings import Settings
from hosts.services.scanner.share import Exists, OutcomeUnknown, Refused, ShareUnavailable

READINESS = "livegang-readiness-12345678-1234-1234-1234-123456789abc"


class FolderShare:
    """A share that is a folder: names without regard to capitals, a rename that takes no one's place."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fails: dict[str, list[BaseException]] = {}
        self.room: int | None = None
        self.garbles = 0
        self.uploads: list[int] = []
        """Where each upload began."""

    def _may_fail(self, verb: str) -> None:
        if self.fails.get(verb):
            raise self.fails[verb].pop(0)

    def _found(self, path: str) -> Path | None:
        return next((p for p in self.root.rglob("*") if str(p.relative_to(self.root)).lower() == path.lower()), None)

    def make_folder(self, path: str) -> None:
        self._may_fail("mkdir")
        if (self.root / path).is_file():
            raise Refused("the share has a file where a folder of its path should be")
        try:
            (self.root / path).mkdir(exist_ok=True)
        except OSError as error:
            raise Refused(str(error)) from error

    def upload(self, source: int, path: str, size: int) -> None:
        begun = (self.root / path).stat().st_size if (self.root / path).exists() else 0
        self.uploads.append(begun)
        rest = os.pread(source, size, begun)
        if self.room is not None and self.room < len(rest):
            (self.root / path).open("ab").write(rest[: self.room])
            raise ShareUnavailable("the file host's disk is full")
        if self.garbles:
            self.garbles -= 1
            rest = rest[:-1] + b"?"
        with (self.root / path).open("ab") as file:
            file.write(rest)
        self._may_fail("upload")

    def rename(self, path: str, target: str) -> None:
        self._may_fail("rename")
        if self._found(target):
            raise Exists
        (self.root / path).rename(self.root / target)
        self._may_fail("renamed")

    def remove(self, path: str) -> None:
        (self.root / path).unlink(missing_ok=True)

    def sum_of(self, path: str, size: int) -> str | None:
        self._may_fail("get")
        found = self._found(path)
        return hashlib.sha256(found.read_bytes()).hexdigest() if found and found.is_file() else None


class Way:
    """A clean folder, a share, and the service between them."""

    def __init__(self, folder: Path) -> None:
        self.clean, self.share = folder / "clean", FolderShare(folder / "share")
        self.clean.mkdir()
        self.share.root.mkdir()
        self.journal: list[str] = []
        self.settings = Settings(
            clean=self.clean, server="none", share="none", credentials=folder, log=folder / "log",
            state=folder / "state", status=folder / "status", scratch=folder, retry=300.0,
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        self.courier = Courier(self.settings, self.share, self.journal.append)

    def put(self, path: str, content: bytes = b"Akte") -> None:
        (self.clean / path).parent.mkdir(parents=True, exist_ok=True)
        (self.clean / path).write_bytes(content)

    def run(self) -> Tally:
        return self.courier.pass_once()

    def log(self) -> list[dict[str, Any]]:
        text = self.settings.log.read_text() if self.settings.log.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def there(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.share.root)): p.read_bytes() for p in self.share.root.rglob("*") if p.is_file()}


@pytest.fixture
def way(tmp_path: Path) -> Way:
    return Way(tmp_path)


NAMES = [
    "Akte.pdf",
    "Häuser/Übersicht ß.pdf",
    "A\u0308 zerlegt.txt",
    "ä" * 125 + "x.pdf",
    "-x $(id);'`&!%.txt",
    "a/b/c",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_clean_file_is_delivered_with_a_line(name: str, way: Way) -> None:
    way.put(name)
    assert way.run().delivered == 1
    assert way.there() == {name: b"Akte"}
    (line,) = way.log()
    assert (line["outcome"], line["path"], line["sha256"]) == ("delivered", name, hashlib.sha256(b"Akte").hexdigest())
    assert (way.clean / name).read_bytes() == b"Akte"


def test_what_was_delivered_is_not_asked_for_again_not_even_after_a_restart(way: Way) -> None:
    way.put("Akte")
    way.run()
    way.start()
    way.share.fails["get"] = [AssertionError("it asks again")]
    assert way.run() == Tally()
    assert len(way.log()) == 1


def test_without_its_memory_it_compares_and_changes_nothing(way: Way) -> None:
    way.put("Akte")
    way.run()
    way.settings.state.unlink()
    way.start()
    way.share.fails["rename"] = [AssertionError("it brings it again")]
    assert way.run().delivered == 1
    assert [line["already_there"] for line in way.log()] == [False, True]


def test_a_memory_that_was_cut_off_is_no_hindrance(way: Way) -> None:
    way.put("Akte")
    way.put("Zweite")
    way.run()
    way.settings.state.write_text(way.settings.state.read_text()[:-5])
    way.start()
    assert way.run().delivered == 1
    assert way.there() == {"Akte": b"Akte", "Zweite": b"Akte"}


@pytest.mark.parametrize("name", ["Akte", "AKTE"])
def test_anothers_file_is_never_overwritten(name: str, way: Way) -> None:
    (way.share.root / name).write_bytes(b"somebody's")
    way.put("Akte")
    way.put("Zweite")
    tally = way.run()
    assert (tally.refused, tally.delivered, tally.blocked) == (1, 1, None)
    assert way.there() == {name: b"somebody's", "Zweite": b"Akte"}
    assert "another file of this name" in way.log()[0]["reason"]
    way.run()
    assert len(way.log()) == 2, "it is reported once"


def test_anothers_file_that_comes_in_between_is_not_overwritten_either(way: Way) -> None:
    way.put("Akte")
    find = way.share.sum_of

    def late(path: str, size: int) -> str | None:
        found = find(path, size)
        if path.startswith(WORKING):
            (way.share.root / "Akte").write_bytes(b"somebody's")
        return found

    way.share.sum_of = late  # type: ignore[method-assign]
    assert way.run().refused == 1
    assert way.there() == {"Akte": b"somebody's"}


def test_a_refused_file_goes_on_when_a_person_has_made_room(way: Way) -> None:
    (way.share.root / "Akte").write_bytes(b"somebody's")
    way.put("Akte")
    way.run()
    (way.share.root / "Akte").unlink()
    way.start()  # or five minutes later
    assert way.run().delivered == 1
    assert way.there() == {"Akte": b"Akte"}


class Killed(BaseException):
    pass


@pytest.mark.parametrize("at", ["mkdir", "upload", "get", "rename", "renamed"])
def test_killed_anywhere_it_ends_what_it_began(at: str, way: Way) -> None:
    way.put("area/Akte", b"Akte" * 1000)
    way.share.fails[at] = [Killed()]
    with pytest.raises(Killed):
        way.run()
    way.start()
    assert way.run().delivered == 1
    assert way.there() == {"area/Akte": b"Akte" * 1000}
    assert [line["outcome"] for line in way.log()] == ["delivered"]


def test_after_an_interruption_only_the_rest_is_sent(way: Way) -> None:
    way.put("Akte", b"x" * 1000)
    way.share.room = 400
    assert way.run().blocked == "the file host's disk is full"
    way.share.room = None
    way.start()
    assert way.run().delivered == 1
    assert way.share.uploads == [0, 400]
    assert way.there() == {"Akte": b"x" * 1000}


def test_a_rest_that_is_not_the_files_beginning_is_sent_anew(way: Way) -> None:
    way.put("Akte", b"x" * 1000)
    way.share.garbles = 1
    assert way.run().delivered == 1
    assert way.share.uploads == [0, 0]
    assert way.there() == {"Akte": b"x" * 1000}


def test_what_comes_back_garbled_every_time_is_never_delivered_and_holds_up_the_others_for_a_while_only(
    way: Way,
) -> None:
    way.put("Akte", b"x" * 1000)
    way.put("Zweite")
    way.share.garbles = 6
    for _ in range(3):
        assert way.run().blocked == "what the share gives back is not what it was given, twice"
    assert way.run().delivered == 1
    assert way.there() == {"Zweite": b"Akte"}
    assert way.log()[0]["outcome"] == "refused"


@pytest.mark.parametrize("verb", ["mkdir", "upload", "get", "rename"])
def test_a_share_that_is_away_for_a_while_loses_nothing(verb: str, way: Way) -> None:
    for name in ("Akte", "Zweite"):
        way.put(name)
    way.share.fails[verb] = [ShareUnavailable("away")] * 10
    for _ in range(10):
        tally = way.run()
        assert (tally.blocked, tally.waiting, tally.delivered) == ("away", 2, 0)
    assert way.run().delivered == 2
    assert way.there() == {"Akte": b"Akte", "Zweite": b"Akte"}


def test_one_bad_file_does_not_hold_up_the_others_for_ever(way: Way) -> None:
    way.put("Akte")
    way.put("Zweite")
    way.share.fails["get"] = [OutcomeUnknown("an unknown answer")] * 3
    for _ in range(3):
        assert way.run().blocked
    tally = way.run()
    assert (tally.delivered, tally.refused) == (1, 1)
    assert way.there() == {"Zweite": b"Akte"}


def test_a_share_where_nothing_can_be_written_refuses_no_file(way: Way) -> None:
    way.put("Akte")
    way.share.fails["mkdir"] = [Refused("no right")]
    assert way.run().blocked == "nothing can be written: no right"
    assert way.log() == []


def test_a_file_where_a_folder_should_be_is_refused(way: Way) -> None:
    (way.share.root / "area").write_bytes(b"somebody's")
    way.put("area/Akte")
    assert way.run().refused == 1
    assert "where a folder of its path should be" in way.log()[0]["reason"]
    assert way.there() == {"area": b"somebody's"}


def test_a_readiness_run_s_files_are_left_out_and_nothing_that_only_looks_like_them(way: Way) -> None:
    way.put(f"{READINESS}/Akte")
    way.put("livegang-readiness-of-mine/Akte")
    assert way.run().delivered == 1
    assert way.there() == {"livegang-readiness-of-mine/Akte": b"Akte"}


@pytest.mark.parametrize("name", [f"{WORKING}/x", f"{WORKING.upper()}/x"])
def test_no_one_writes_where_unfinished_deliveries_are(name: str, way: Way) -> None:
    way.put(name)
    assert way.run().refused == 1
    assert way.there() == {}


def test_another_version_of_a_file_is_no_delivered_one(way: Way) -> None:
    way.put("Akte")
    way.run()
    (way.clean / "Akte").unlink()
    way.put("Zwischen")  # so that the inode is another
    way.put("Akte", b"changed")
    assert way.run().refused == 1
    assert way.there()["Akte"] == b"Akte"


def test_what_a_person_removes_from_clean_is_forgotten_and_stays_in_the_share(way: Way) -> None:
    way.put("Akte")
    way.run()
    (way.clean / "Akte").unlink()
    way.start()
    assert way.settings.state.read_text() == ""
    assert way.there() == {"Akte": b"Akte"}


def test_the_journal_holds_no_names(way: Way) -> None:
    (way.share.root / "Frau Schmidt.pdf").write_bytes(b"somebody's")
    way.put("Frau Schmidt.pdf")
    way.run()
    assert way.journal
    assert not [line for line in way.journal if "Schmidt" in line]
