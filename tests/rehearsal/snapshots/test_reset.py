"""What a reset refuses before it touches anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.control import reset
from rehearsal.image import Images
from rehearsal.snapshots.dependencies import SnapshotDependencies
from tests.rehearsal.snapshots.test_store import take
from toolchain import engines


def nothing_was_touched(settings: Settings) -> bool:
    return not settings.reset.exists() and list(settings.machines.iterdir()) == []


def test_a_reset_next_to_a_working_engine_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    take(settings, "converged", 1)
    monkeypatch.setattr(engines, "engines", lambda home: [engines.Process(4711, 1, "pulumi")])
    with pytest.raises(ExpectedError, match=r"pulumi is at work in this rehearsal \(process 4711\)"):
        reset.reset(settings, "converged", print)
    assert nothing_was_touched(settings)


def test_a_snapshot_that_lacks_a_host_is_refused_by_the_hosts_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = take(settings, "converged", 1)
    monkeypatch.setattr(SnapshotDependencies, "differences", lambda self, now: [])
    monkeypatch.setattr("rehearsal.control.reset.image.existing", lambda cache: Images(Path("base"), Path("edge")))
    layer = settings.snapshots / snapshot.identifier / "roots" / "vm-web01"
    (layer / "marker").unlink()
    layer.rmdir()
    with pytest.raises(ExpectedError, match="lacks the layer of vm-web01"):
        reset.reset(settings, "converged", print)
    assert nothing_was_touched(settings)
