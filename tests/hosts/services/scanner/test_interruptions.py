"""What the scanner does when it is stopped, blinded or out of disk in the middle."""

from __future__ import annotations

import os

import pytest

from hosts.services.scanner.clamd import ClamdError
from tests.hosts.services.scanner.drop import EICAR, Drop


def test_nothing_is_evaluated_by_a_scanner_that_finds_nothing(drop: Drop) -> None:
    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte")
    drop.scanner.reason = "clamd does not find the test file: OK"
    tally = drop.run()
    assert tally.blocked == drop.scanner.reason
    assert tally.waiting == 2
    drop.scanner.reason = None
    drop.run()
    assert drop.verdicts()["Akte"] == "clean"


def test_a_file_at_which_clamd_ends_is_tried_again_and_then_set_aside(drop: Drop) -> None:
    drop.put("Akte", b"POISON")
    drop.announce("Akte.sha256", "Akte")
    drop.scanner.answers[b"POISON"] = ClamdError("clamd ended without an answer")
    for _ in range(2):
        drop.run(after=31)
        assert drop.log() == []
        assert (drop.settings.incoming / "Akte").exists()
    drop.run(after=31)
    assert drop.verdicts()["Akte"] == "unclear"
    assert drop.inside("unclear") == [b"POISON"]


def test_a_full_disk_loses_nothing(drop: Drop, monkeypatch: pytest.MonkeyPatch) -> None:
    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        drop.run()
    assert drop.log() == []
    assert (drop.settings.incoming / "Akte").read_bytes() == b"Inhalt"
    assert "No space left on device" in drop.journal[-1]
    drop.run(after=31)
    assert drop.verdicts()["Akte"] == "clean"


@pytest.mark.parametrize("times", [1, 3])
def test_a_killed_service_goes_on_and_does_not_die_of_one_file_for_ever(drop: Drop, times: int) -> None:
    class Killed(BaseException):
        pass

    drop.put("Akte", b"Inhalt")
    drop.announce("Akte.sha256", "Akte")
    for _ in range(times):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(drop.scanner, "scan", lambda file: (_ for _ in ()).throw(Killed()))
            with pytest.raises(Killed):
                drop.run()
        assert len(list(drop.settings.work.iterdir())) == 1
        drop.restart()
    drop.run()
    assert drop.verdicts()["Akte"] == ("clean" if times == 1 else "unclear")
    assert list(drop.settings.work.iterdir()) == []


def test_a_finished_manifest_is_remembered_across_a_restart(drop: Drop) -> None:
    for name in ("one", "two"):
        drop.put(name, name.encode())
    drop.announce("SHA256SUMS", "one", "two")
    two = (drop.settings.incoming / "two").rename(drop.settings.folder / "later")
    drop.run()
    drop.restart()
    two.rename(drop.settings.incoming / "two")
    drop.run()
    assert drop.verdicts() == {"one": "clean", "two": "clean", "SHA256SUMS": "manifest"}


def test_the_journal_holds_no_names(drop: Drop) -> None:
    drop.put("Frau Schmidt.pdf", EICAR)
    drop.announce("Frau Schmidt.sha256", "Frau Schmidt.pdf")
    drop.run()
    assert drop.journal
    assert not [line for line in drop.journal if "Schmidt" in line]
