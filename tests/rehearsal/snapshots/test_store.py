"""Which snapshots there are, what is left over, and what an interrupted reset leaves to be done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.base.mounts import BELOW
from rehearsal.base.settings import Settings
from rehearsal.snapshots import put_back, store
from rehearsal.snapshots.dependencies import SnapshotDependencies
from rehearsal.snapshots.store import Snapshot, Store, check_name, check_space

EMPTY = SnapshotDependencies("image", {}, {})
HOSTS = ["vm-db01", "vm-web01"]


def take(settings: Settings, name: str, taken: float, content: str = "kept") -> Snapshot:
    """A snapshot of two hosts and a disk, as `take` would leave it."""
    known = Store(settings)
    identifier = known.begin()
    for host in HOSTS:
        known.root(identifier, host).mkdir()
        (known.root(identifier, host) / "marker").write_text(content)
    known.disk(identifier, "data.img").write_text(content)
    snapshot = Snapshot(name, identifier, taken, HOSTS, ["data.img"], 2**20, EMPTY)
    known.publish(snapshot)
    return snapshot


def intend(settings: Settings, snapshot: Snapshot) -> None:
    settings.reset.write_text(json.dumps({"snapshot": snapshot.identifier}))


def lies_on(settings: Settings, host: str) -> str:
    return (settings.machines / host / BELOW / "marker").read_text()


def test_one_of_the_same_name_takes_the_place_of_the_one_before(settings: Settings) -> None:
    first = take(settings, "converged", 1)
    second = take(settings, "converged", 2)
    take(settings, "empty", 3)
    assert [(found.name, found.taken) for found in Store(settings).all()] == [("empty", 3), ("converged", 2)]
    assert Store(settings).find("converged") == second
    Store(settings).sweep()
    assert not (settings.snapshots / first.identifier).exists()
    assert (settings.snapshots / second.identifier).exists()


def test_the_layer_of_a_living_host_stays_when_its_snapshot_is_removed(settings: Settings) -> None:
    snapshot = take(settings, "converged", 1)
    intend(settings, snapshot)
    put_back.finish(settings, print)
    Store(settings).forget("converged")
    Store(settings).sweep()
    assert Store(settings).all() == []
    assert lies_on(settings, "vm-web01") == "kept"
    shutil.rmtree(settings.machines)
    Store(settings).sweep()
    assert list(settings.snapshots.iterdir()) == []


def test_an_unfinished_snapshot_is_none_and_is_swept(settings: Settings) -> None:
    Store(settings).begin()
    assert Store(settings).all() == []
    Store(settings).sweep()
    assert list(settings.snapshots.iterdir()) == []


def test_an_unknown_name_is_refused_with_those_that_there_are(settings: Settings) -> None:
    with pytest.raises(ExpectedError, match=r"no snapshot to go back to[\s\S]*fab rehearsal\.snapshot"):
        Store(settings).find("converged")
    take(settings, "empty", 1)
    with pytest.raises(ExpectedError, match="no snapshot converged; there are: empty"):
        Store(settings).find("converged")


@pytest.mark.parametrize("name", ["", "../x", "Ä", "a b", "-x", "x" * 41, "a\n"])
def test_a_name_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ExpectedError, match="cannot be the name of a snapshot"):
        check_name(name)


def test_a_description_that_is_none_is_named_by_its_file(settings: Settings) -> None:
    snapshot = take(settings, "converged", 1)
    (settings.snapshots / snapshot.identifier / store.ABOUT).write_text('{"name": "x"}')
    with pytest.raises(ExpectedError, match=rf"{snapshot.identifier}/snapshot\.json"):
        Store(settings).all()


def test_too_little_space_is_reported_before_anything_is_copied(tmp_path: Path) -> None:
    check_space(tmp_path / "not" / "there", 0, "The snapshot")
    with pytest.raises(ExpectedError, match=r"needs 1048576\.0 GiB and 1 GiB to spare"):
        check_space(tmp_path, 2**50, "The snapshot")


def test_a_reset_puts_hosts_and_disks_back_and_its_intent_is_gone(settings: Settings) -> None:
    snapshot = take(settings, "converged", 1)
    (settings.machines / "vm-db01" / "upper").mkdir(parents=True)
    (settings.machines / "vm-db01" / "upper" / "since").write_text("lost")
    (settings.disks / "data.img").write_text("changed")
    intend(settings, snapshot)
    put_back.finish(settings, print)
    assert [lies_on(settings, host) for host in HOSTS] == ["kept", "kept"]
    assert list((settings.machines / "vm-db01" / "upper").iterdir()) == []
    assert json.loads((settings.machines / "vm-db01" / "state.json").read_text()) == {"state": "running"}
    assert (settings.disks / "data.img").read_text() == "kept"
    assert not settings.reset.exists()
    put_back.finish(settings, print)


@pytest.mark.parametrize("kills", range(1, 8))
def test_a_reset_that_was_killed_anywhere_is_done_to_the_end_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    old, new = take(settings, "old", 1, "old"), take(settings, "new", 2, "new")
    intend(settings, old)
    put_back.finish(settings, print)
    intend(settings, new)
    done = 0

    def until_killed(self: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        if done == kills:
            raise KeyboardInterrupt
        return rename(self, target)

    rename = Path.rename
    with monkeypatch.context() as patch:
        for name in ("rename", "replace"):
            patch.setattr(Path, name, until_killed)
        with pytest.raises(KeyboardInterrupt):
            put_back.finish(settings, print)
    put_back.finish(settings, print)
    assert [lies_on(settings, host) for host in HOSTS] == ["new", "new"]
    assert (settings.disks / "data.img").read_text() == "new"
    assert sorted(path.name for path in settings.machines.iterdir()) == HOSTS
    assert [path.name for path in settings.disks.iterdir()] == ["data.img"]
    Store(settings).sweep()
    assert {path.name for path in settings.snapshots.iterdir()} == {old.identifier, new.identifier}


def test_an_interrupted_reset_to_a_snapshot_that_is_gone_says_what_to_do(settings: Settings) -> None:
    snapshot = take(settings, "converged", 1)
    intend(settings, snapshot)
    shutil.rmtree(settings.snapshots)
    with pytest.raises(ExpectedError, match=r"not there any more[\s\S]*fab rehearsal\.down"):
        put_back.finish(settings, print)
