"""Putting roots and disks back to what a snapshot holds, while nothing runs; a supervisor's start does it as well."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console import ExpectedError
from rehearsal.base.handler import HandlerError, Log
from rehearsal.base.mounts import BELOW
from rehearsal.base.settings import Settings
from rehearsal.machines.host import WAKING, State
from rehearsal.snapshots import copying
from rehearsal.snapshots.store import Snapshot, Store
from toolchain.files import write_atomically


def finish(settings: Settings, log: Log) -> None:
    """Finish a reset that was interrupted, if there is one. Only while no supervisor is running."""
    if not settings.reset.exists():
        return
    wanted = str(json.loads(settings.reset.read_bytes())["snapshot"])
    store = Store(settings)
    snapshot = store.by_identifier(wanted)
    if snapshot is None:
        raise ExpectedError(
            f"A reset was interrupted, and the snapshot it goes back to is not there any more: {store.folder / wanted}",
            hint="What the hosts are is therefore unknown. End the rehearsal and begin anew: fab rehearsal.down",
        )
    log(f"putting {len(snapshot.hosts)} hosts and {len(snapshot.disks)} disks back to snapshot {snapshot.name}")
    _put_back(settings, store, snapshot)
    settings.reset.unlink()


def _put_back(settings: Settings, store: Store, snapshot: Snapshot) -> None:
    """Each host and disk is exchanged by a rename: whatever is interrupted is simply done again."""
    settings.machines.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings.disks.mkdir(parents=True, exist_ok=True, mode=0o700)
    trash = store.trash()
    for host in snapshot.hosts:
        _put_root_back(settings.machines / host, store.root(snapshot.identifier, host), trash)

    def put_disk_back(file: str) -> None:
        temporary = settings.disks / f".{file}.new"
        copying.copy_file(store.disk(snapshot.identifier, file), temporary)
        temporary.replace(settings.disks / file)

    with ThreadPoolExecutor(2) as pool:
        try:
            list(pool.map(put_disk_back, snapshot.disks))
        except HandlerError as error:
            raise ExpectedError(
                f"The disks could not be put back: {error}",
                hint="The reset goes on where it was with: fab rehearsal.reset",
            ) from error


def _put_root_back(folder: Path, layer: Path, trash: Path) -> None:
    fresh = folder.with_name(f".{folder.name}.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    fresh.mkdir(mode=0o700)
    (fresh / BELOW).symlink_to(os.path.relpath(layer, folder))
    (fresh / "upper").mkdir()
    (fresh / "upper").chmod(0o755)  # the root folder's own, as the host sees it
    write_atomically(fresh / "state.json", json.dumps({"state": State.RUNNING}).encode())
    (fresh / WAKING).touch()
    if folder.exists():
        folder.rename(trash / folder.name)
    fresh.rename(folder)
