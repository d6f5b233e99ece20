"""Killed at three moments, on a small landscape that lives next to the tests' own: the next command recovers.

All moments, in every phase, are a drill: `python -m tests.drills.killed`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.drills import wholeness
from tests.drills.moments import booting, engine, fewer_hosts, supervisor
from tests.drills.stage import Moment, Stage, strike
from toolchain.folders import PROJECT

pytestmark = [pytest.mark.booted, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    folder = PROJECT / ".livegang" / "tests" / "killed"
    made = Stage.make(folder)
    try:
        yield made
    finally:
        made.down()
        shutil.rmtree(folder)


def test_the_engine_while_hosts_boot(stage: Stage) -> None:
    command = stage.start("pulumi", "up", "--yes", "--skip-preview")
    strike(stage, command, Moment("hosts boot", booting, engine))
    command.wait()
    # With a refresh, as `fab rehearse` does: it must not take for whole what was half made.
    stage.pulumi("up", "--yes", "--skip-preview", "--refresh")
    wholeness.assert_whole(stage)


def test_a_host_and_then_the_supervisor_while_it_is_brought_back(stage: Stage) -> None:
    marked = wholeness.mark_disks(stage)
    assert marked == 1
    stage.fab("rehearsal.kill", "db01")
    command = stage.start("pulumi", "up", "--yes", "--skip-preview", "--refresh")
    strike(stage, command, Moment("db01 boots again", booting, supervisor))
    assert command.wait() != 0
    assert "Traceback" not in command.said
    stage.pulumi("up", "--yes", "--skip-preview", "--refresh")
    wholeness.assert_marked(stage, marked)
    wholeness.assert_whole(stage)


def test_the_engine_in_a_destroy_and_then_down(stage: Stage) -> None:
    command = stage.start("pulumi", "destroy", "--yes", "--skip-preview")
    strike(stage, command, Moment("hosts are removed", fewer_hosts, engine))
    command.wait()
    stage.fab("rehearsal.down")
    wholeness.assert_nothing_left(stage)
