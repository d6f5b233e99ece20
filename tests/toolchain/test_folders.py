"""Where things are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain.folders import PROJECT, output_folder


def test_the_clones_own_rehearsal_writes_for_people_in_the_clone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEGANG_STATE", raising=False)
    assert output_folder("small") == PROJECT / ".livegang" / "small"


def test_a_state_folder_that_is_a_link_is_still_the_clones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To a larger disk, say. And `pulumi` names the resolved folder to what it starts."""
    (tmp_path / "large").mkdir()
    (tmp_path / ".rehearsal").symlink_to(tmp_path / "large")
    monkeypatch.setattr("toolchain.folders.STATE", tmp_path / ".rehearsal")
    monkeypatch.delenv("LIVEGANG_STATE", raising=False)
    assert output_folder("small") == PROJECT / ".livegang" / "small"
    monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path / "large"))
    assert output_folder("small") == PROJECT / ".livegang" / "small"


def test_two_state_folders_of_one_clone_do_not_share_what_is_written_for_people(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = []
    for state in ("one", "two"):
        monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path / state))
        folders.append(output_folder("small"))
    assert folders == [tmp_path / "one" / "output" / "small", tmp_path / "two" / "output" / "small"]
