"""The one kernel setting that a rehearsal raises, and how others see that a supervisor lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.base import settings as settings_module
from rehearsal.base.settings import Settings
from rehearsal.control import kernel


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "max_user_instances"
    file.write_text("128\n")
    monkeypatch.setattr(kernel, "INOTIFY", file)
    return file


def test_the_limit_is_raised_for_the_first_and_put_back_after_the_last(settings: Settings, limit: Path) -> None:
    second = Settings(settings.state / "second")
    second.runtime.mkdir()
    locks = [kernel.hold_alive(each.identifier) for each in (settings, second)]
    kernel.raise_inotify(settings.identifier)
    kernel.raise_inotify(second.identifier)
    assert int(limit.read_text()) == kernel.INOTIFY_WANTED
    kernel.restore_inotify(settings.identifier)
    assert int(limit.read_text()) == kernel.INOTIFY_WANTED
    kernel.restore_inotify(second.identifier)
    assert int(limit.read_text()) == 128
    for lock in locks:
        assert lock is not None
        os.close(lock)


def test_a_rehearsal_that_was_killed_does_not_keep_it_raised(settings: Settings, limit: Path) -> None:
    kernel.raise_inotify("0killed0")
    kernel.raise_inotify(settings.identifier)
    kernel.restore_inotify(settings.identifier)
    assert int(limit.read_text()) == 128


def test_a_limit_that_was_changed_meanwhile_is_left_alone(settings: Settings, limit: Path) -> None:
    kernel.raise_inotify(settings.identifier)
    limit.write_text("9999\n")
    kernel.restore_inotify(settings.identifier)
    assert int(limit.read_text()) == 9999


def test_a_higher_limit_is_not_lowered(settings: Settings, limit: Path) -> None:
    limit.write_text("100000\n")
    kernel.raise_inotify(settings.identifier)
    kernel.restore_inotify(settings.identifier)
    assert int(limit.read_text()) == 100000


def test_the_lock_is_seen_while_its_process_lives_and_not_after_it_was_killed(settings: Settings) -> None:
    assert not kernel.lives(settings.identifier)
    holder = (
        "import sys, time; from pathlib import Path; from rehearsal.control import kernel;"
        "kernel.settings.RUNTIME = Path(sys.argv[1]); kernel.hold_alive(sys.argv[2]); "
        "print('held', flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", holder, str(settings_module.RUNTIME), settings.identifier]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert kernel.lives(settings.identifier)
        assert kernel.hold_alive(settings.identifier) is None, "a second supervisor does not get it"
        process.kill()
        process.wait()
    assert not kernel.lives(settings.identifier)
