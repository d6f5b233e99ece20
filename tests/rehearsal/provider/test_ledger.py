"""The ledger survives several processes and holds no secret."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from rehearsal.provider.ledger import Ledger, references

WRITER = """
import sys
from pathlib import Path
from rehearsal.provider.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(25):
    ledger.begin(f"/{sys.argv[2]}/{number}", "type", "urn", [])
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "ledger.json"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(file), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(Ledger(file).all()) == 50


def test_a_reader_sees_what_another_wrote(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path / "ledger.json"), Ledger(tmp_path / "ledger.json")
    assert two.find("/A") is None
    one.begin("/A", "type", "urn", [])
    assert two.find("/a") is not None
    one.forget("/a")
    assert two.find("/a") is None


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.begin("/a", "type", "urn", [])
    assert stat.S_IMODE(ledger.file.stat().st_mode) == 0o600


def test_users_are_found_by_a_part_of_what_they_use_and_letter_case_does_not_matter(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    ledger.begin("/subscriptions/s/lb", "type", "urn", ["/subscriptions/s/lb/rules/own"])
    ledger.begin("/subscriptions/s/nic", "type", "urn", references({"a": [{"id": "/subscriptions/S/LB/rules/x"}]}))
    assert [entry.identifier for entry in ledger.users("/subscriptions/s/lb")] == ["/subscriptions/s/nic"]
    assert ledger.users("/subscriptions/s/l") == []
