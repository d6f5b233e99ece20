"""A state folder belongs to one clone and one user."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.control import ownership
from toolchain.folders import PROJECT


def claimed_by(settings: Settings, project: Path, uid: int) -> None:
    settings.state.mkdir(parents=True)
    (settings.state / "owner.json").write_text(json.dumps({"project": str(project), "uid": uid}))


def test_an_unclaimed_folder_becomes_ours_and_may_be_claimed_again(settings: Settings) -> None:
    ownership.claim(settings)
    ownership.claim(settings)
    found = ownership.owner(settings)
    assert found == ownership.Owner(str(PROJECT), os.geteuid())


def test_another_clones_rehearsal_is_refused_naming_its_folder(settings: Settings, tmp_path: Path) -> None:
    other = tmp_path / "clone"
    other.mkdir()
    claimed_by(settings, other, os.geteuid())
    with pytest.raises(ExpectedError) as raised:
        ownership.claim(settings)
    assert str(other) in raised.value.reason
    assert str(settings.state) in raised.value.reason
    assert "LIVEGANG_STATE" in str(raised.value)


def test_another_users_rehearsal_is_refused_naming_its_folder(settings: Settings) -> None:
    claimed_by(settings, PROJECT, os.geteuid() + 1)
    with pytest.raises(ExpectedError, match=str(settings.state)):
        ownership.claim(settings)


def test_what_a_clone_left_that_is_gone_may_be_taken_over(settings: Settings, tmp_path: Path) -> None:
    claimed_by(settings, tmp_path / "removed", os.geteuid())
    ownership.claim(settings)
    assert ownership.owner(settings) == ownership.Owner.us()


def test_after_release_no_one_owns_it(settings: Settings) -> None:
    ownership.claim(settings)
    ownership.release(settings)
    assert ownership.owner(settings) is None
