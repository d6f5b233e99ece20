"""Removing what readiness runs dropped, by a real shell in a folder of the test's own."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

from verify.inspection.leftovers import FORGOTTEN_MINUTES, remove


class Here:
    """Stands for a host: runs what it is given with this machine's shell, and needs no sudo for it."""

    def run(self, command: str) -> SimpleNamespace:
        done = subprocess.run(
            shlex.split(command.removeprefix("sudo -n ")), capture_output=True, text=True, check=False
        )
        return SimpleNamespace(stdout=done.stdout, stderr=done.stderr, rc=done.returncode)


def dropped(root: Path, folder: str, record: str, old: bool = False) -> None:
    """Make the two files that remain of a dropped file: a scanner's record and a clean copy."""
    for path, content in (
        (root / "infected" / record / "record.json", f'{{"path": "{folder}/plain.com"}}'),
        (root / "clean" / folder / "Akte", "clean"),
    ):
        path.parent.mkdir(parents=True)
        path.write_text(content)
        if old:
            then = time.time() - 60 * (FORGOTTEN_MINUTES + 1)
            os.utime(path, (then, then))
            os.utime(path.parent, (then, then))


def test_a_run_removes_its_own_files_and_those_of_killed_runs_and_nothing_else(tmp_path: Path) -> None:
    for place in ("infected", "unclear", "manifests", "clean", "drop/incoming"):
        (tmp_path / place).mkdir(parents=True)
    dropped(tmp_path, "livegang-readiness-1", "own")
    dropped(tmp_path, "livegang-proof-2", "killed", old=True)
    dropped(tmp_path, "livegang-readiness-3", "another-run's")
    dropped(tmp_path, "Lieferung", "the-old-hoster's", old=True)
    (tmp_path / "drop/incoming/livegang-readiness-1").mkdir()
    remove(Here(), str(tmp_path), "livegang-readiness-1")
    assert {path.name for path in (tmp_path / "infected").iterdir()} == {"another-run's", "the-old-hoster's"}
    assert {path.name for path in (tmp_path / "clean").iterdir()} == {"Lieferung", "livegang-readiness-3"}
    assert not list((tmp_path / "drop/incoming").iterdir())
