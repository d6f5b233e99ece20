"""Taking a snapshot, in the supervisor: all hosts are frozen at one instant while what is new in them is copied.

Nothing is stopped. Most is copied while hosts live. Then all are frozen by their control group, and what changed since
is copied again: so all are copied as of one instant, each as after a power cut, and all after the same one. When the
supervisor ends meanwhile, all that is frozen ends with it, and the unfinished folder is swept later.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from console import ExpectedError
from rehearsal.base.cgroups import ROOT, Cgroup
from rehearsal.base.handler import HandlerError, Log
from rehearsal.base.loops import Loop
from rehearsal.base.mounts import run
from rehearsal.base.world import World
from rehearsal.machines.host import Host, State
from rehearsal.machines.host_registry import Hosts
from rehearsal.snapshots import copying
from rehearsal.snapshots.dependencies import SnapshotDependencies
from rehearsal.snapshots.following import Following
from rehearsal.snapshots.store import Snapshot, Store, check_name, check_space

AT_ONCE = 3
"""Copied side by side: it is the processor that bounds it, and one of them waits now and then."""

FREEZE_SECONDS = 10.0


class Snapshots:
    """The supervisor's part: one is taken at a time."""

    def __init__(self, world: World, hosts: Hosts, disks: Callable[[], list[Loop]]) -> None:
        self._world = world
        self._fleet = hosts
        self._disks = disks
        self._store = Store(world.settings)
        self._lock = threading.Lock()

    def take(self, params: dict[str, Any], log: Log) -> dict[str, Any]:
        """Take the snapshot ``name``; one of this name that there is, it replaces once it is complete."""
        name = str(params["name"])
        with self._lock:
            try:
                check_name(name)
                self._store.sweep()
                return self._take(name, log)
            except ExpectedError as error:
                raise _Refused(error.reason, error.hint) from error

    def sweep(self) -> None:
        """Remove what no snapshot and no host needs any more."""
        with self._lock:
            self._store.sweep()

    def _take(self, name: str, log: Log) -> dict[str, Any]:
        hosts = self._hosts()
        disks = self._disks()
        landscape = SnapshotDependencies.of(self._world.settings, self._world.records, self._world.base_image)
        uppers = [host.folder / "upper" for host in hosts.values()]
        size = sum(map(copying.allocated, uppers)) + sum(disk.file.stat().st_blocks * 512 for disk in disks)
        check_space(self._store.folder, size, f"The snapshot {name}")
        identifier = self._store.begin()
        try:
            seconds = self._copy(identifier, hosts, disks, log)
        except BaseException:
            shutil.rmtree(self._store.folder / identifier)
            raise
        # Complete means that it also outlasts a power cut of this machine.
        run("sync", "--file-system", str(self._store.folder))
        snapshot = Snapshot(
            name=name,
            identifier=identifier,
            taken=time.time(),
            hosts=sorted(hosts),
            disks=sorted(disk.file.name for disk in disks),
            size=size,
            landscape=landscape,
        )
        self._store.publish(snapshot)
        self._store.sweep()
        return {"name": name, "hosts": len(hosts), "disks": len(disks), "size": size, "frozen": seconds}

    def _hosts(self) -> dict[str, Host]:
        """All hosts by their folders' names, if there are any and all run."""
        hosts = {host.folder.name: host for _, host in self._fleet.all()}
        if not hosts:
            raise HandlerError("There are no hosts to take a snapshot of.")
        unfinished = [record.name for record in self._world.records.all() if not record.complete]
        others = [f"{host.name} is {host.state}" for host in hosts.values() if host.state is not State.RUNNING]
        if unfinished or others:
            what = [*others, *(f"{name} is not made to the end" for name in unfinished)]
            raise _Refused(
                f"A snapshot holds a fleet that runs, but {', '.join(what)}.",
                "Bring it there first: fab rehearsal.start HOST, or fab rehearse",
            )
        return hosts

    def _copy(self, identifier: str, hosts: dict[str, Host], disks: list[Loop], log: Log) -> float:
        """Copy all into the snapshot's folder; returns for how many seconds the hosts were frozen."""
        roots = {name: self._store.root(identifier, name) for name in hosts}
        below = {name: layer for name in hosts if (layer := self._store.below(name)) is not None}
        # Of a host that lies on another snapshot's layer, what it wrote since is copied apart and merged later.
        temporary = self._store.folder / identifier / "since"
        temporary.mkdir(mode=0o700)
        layers = {
            name: Following(host.folder / "upper", temporary / name if name in below else roots[name])
            for name, host in hosts.items()
        }
        with ThreadPoolExecutor(AT_ONCE) as pool:
            log(f"copying {len(hosts)} hosts while they live")
            _all(pool, lambda name: layers[name].copy(), hosts)
            # Twice: what is written out before the freeze need not be during it.
            self._flush(hosts, disks)
            with _standing_still() as since:
                self._flush(hosts, disks)
                _all(pool, lambda disk: copying.copy_disk(disk, self._store.disk(identifier, disk.file.name)), disks)
                _all(pool, lambda name: layers[name].catch_up(), hosts)
            seconds = time.monotonic() - since
            log(f"{len(disks)} disks and what had changed in the meantime: everything was frozen for {seconds:.1f} s")

            def merge(name: str) -> None:
                copying.share_layer(below[name], roots[name])
                copying.make_way(temporary / name, roots[name])
                copying.copy_layer(temporary / name, roots[name])

            _all(pool, merge, below)
        shutil.rmtree(temporary)
        return seconds

    def _flush(self, hosts: dict[str, Host], disks: list[Loop]) -> None:
        leaders = [leader for host in hosts.values() if (leader := host.leader()) is not None]
        for disk in disks:
            for leader in leaders:
                copying.flush(leader, disk)


class _Refused(HandlerError):
    def __init__(self, message: str, hint: str | None) -> None:
        self.hint = hint
        super().__init__(message)


def thaw_all() -> None:
    """For a supervisor that begins: control groups outlive a killed one, and what is started in them would not move."""
    for group in _groups():
        group.thaw()


def _groups() -> list[Cgroup]:
    return [Cgroup(ROOT / "services"), Cgroup(ROOT / "hosts")]


@contextmanager
def _standing_still() -> Iterator[float]:
    """Freeze all hosts, and the services too: the gateway would see its backends gone, and answer for them.

    Yields since when, as of the monotonic clock.
    """
    groups = _groups()
    since = time.monotonic()
    try:
        for group in groups:
            group.freeze()
        for group in groups:
            if not group.wait_frozen(FREEZE_SECONDS):
                raise HandlerError(f"The {group.path.name} did not freeze within {FREEZE_SECONDS:.0f} s.")
        yield since
    finally:
        for group in reversed(groups):
            group.thaw()


def _all(pool: ThreadPoolExecutor, work: Callable[[Any], object], things: Any) -> None:
    """Do it with all, side by side; raises what the first of them raised, when none is under way any more."""
    futures = [pool.submit(work, thing) for thing in things]
    errors = [error for future in futures if (error := future.exception()) is not None]
    if errors:
        raise errors[0]
