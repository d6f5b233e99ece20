"""With a state folder outside the clone, the paths that the stack names still lead to what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.settings import Settings
from rehearsal.toolchain import elsewhere


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    return folder


def test_the_stacks_paths_lead_to_the_state_folder(project: Path, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "state")
    settings.keys.mkdir(parents=True)
    (settings.keys / "operator.pub").write_text("key")
    for _ in range(2):
        assert elsewhere.taken(settings, project) == []
        elsewhere.link(settings, project)
    assert (project / ".rehearsal" / "keys" / "operator.pub").read_text() == "key"


def test_another_state_folder_takes_the_links_over(project: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        elsewhere.link(Settings(tmp_path / name), project)
    assert (project / ".rehearsal" / "artifacts").readlink() == tmp_path / "two" / "artifacts"


def test_the_clones_own_folder_needs_no_links_and_takes_them_away(project: Path, tmp_path: Path) -> None:
    own = Settings(project / ".rehearsal")
    elsewhere.link(Settings(tmp_path / "state"), project)
    elsewhere.link(own, project)
    assert list(own.state.iterdir()) == []
    assert elsewhere.taken(own, project) == []


def test_keys_of_the_clones_own_rehearsal_are_in_the_way(project: Path, tmp_path: Path) -> None:
    keys = project / ".rehearsal" / "keys"
    keys.mkdir(parents=True)
    assert elsewhere.taken(Settings(tmp_path / "state"), project) == [keys]
