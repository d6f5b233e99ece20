"""Back to a snapshot: what runs is ended at once, roots and disks are put back, and a new supervisor boots the hosts.

What is intended is written down first, in ``reset.json``. Whoever starts a supervisor does what it says before
that, so a reset that was killed anywhere is finished by the next `reset` or `up`; there is no other way through it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from console import ExpectedError
from console.waiting import wait_until
from rehearsal import image
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.handler import Log
from rehearsal.base.records import Records
from rehearsal.base.settings import Settings
from rehearsal.control import launch, ownership
from rehearsal.control.client import Supervisor
from rehearsal.machines.host import State
from rehearsal.snapshots import put_back
from rehearsal.snapshots.dependencies import SnapshotDependencies
from rehearsal.snapshots.store import Snapshot, Store, check_space
from toolchain import engines
from toolchain.files import write_atomically
from toolchain.folders import cache

MOST_DIFFERENCES = 8
END_SECONDS = 10.0


@dataclass(frozen=True)
class Parts:
    """Seconds that the parts of a reset took."""

    ended: float
    put_back: float
    booted: float


def reset(settings: Settings, name: str, log: Log) -> tuple[Snapshot, Parts]:
    """Bring hosts and disks back to the snapshot, and return when all hosts are booted.

    Raises ExpectedError before anything is touched when there is no such snapshot, when the landscape is not what it
    was when it was taken, or when the disk is too full.
    """
    ownership.check(settings)
    store = Store(settings)
    snapshot = store.find(name)
    _check(settings, store, snapshot)
    began = time.monotonic()
    write_atomically(settings.reset, json.dumps({"snapshot": snapshot.identifier}).encode())
    end_at_once(settings)
    ended = time.monotonic()
    # The start does it as well; here the time that it takes is seen.
    put_back.finish(settings, log)
    restored = time.monotonic()
    launch.ensure(settings, log)
    hosts = Supervisor(settings).call("restored", log=log)
    _check_hosts(snapshot, hosts)
    return snapshot, Parts(ended - began, restored - ended, time.monotonic() - restored)


def end_at_once(settings: Settings) -> None:
    """End the supervisor and all below it without asking: what the hosts have in memory is to be lost."""
    group = Cgroup(launch.cgroup(settings))

    def ended() -> bool:
        group.kill()
        return group.wait_empty(1)

    if not wait_until(ended, END_SECONDS):
        raise ExpectedError(
            f"Processes of the rehearsal in {settings.state} did not end: {group.processes()}.",
            hint="Look at them with ps, then repeat the reset: it goes on where it was.",
        )


def _check(settings: Settings, store: Store, snapshot: Snapshot) -> None:
    if working := engines.engines(settings.pulumi_home):
        # It would go on with hosts of another time, or bring up a supervisor in the middle of the exchange.
        raise ExpectedError(
            f"pulumi is at work in this rehearsal (process {', '.join(str(process.id) for process in working)}).",
            hint="Wait for its end, or interrupt it with Ctrl-C; then repeat the reset.",
        )
    base = image.existing(cache()).base
    differences = snapshot.landscape.differences(SnapshotDependencies.of(settings, Records(settings.records), base))
    if differences:
        shown = [f"  · {line}" for line in differences[:MOST_DIFFERENCES]]
        if len(differences) > MOST_DIFFERENCES:
            shown.append(f"  · and {len(differences) - MOST_DIFFERENCES} more")
        raise ExpectedError(
            f"The landscape is not what it was when the snapshot {snapshot.name} was taken:\n" + "\n".join(shown),
            hint="Hosts would come back that are not what is declared. Declare again what was (pulumi up), or take a "
            "new snapshot: fab rehearsal.snapshot",
        )
    for host in snapshot.hosts:
        if not store.root(snapshot.identifier, host).is_dir():
            raise ExpectedError(
                f"The snapshot {snapshot.name} lacks the layer of {host}: somebody removed it.",
                hint="Take a new one: fab rehearsal.snapshot",
            )
    sizes = [store.disk(snapshot.identifier, file).stat().st_blocks * 512 for file in snapshot.disks]
    check_space(settings.disks, sum(sizes), f"The reset to {snapshot.name}")


def _check_hosts(snapshot: Snapshot, hosts: list[dict[str, Any]]) -> None:
    down = [f"{host['name']} is {host['state']}" for host in hosts if host["state"] != State.RUNNING]
    if len(hosts) < len(snapshot.hosts):
        down.append(f"{len(snapshot.hosts) - len(hosts)} hosts are not known")
    if down:
        raise ExpectedError(
            f"Not all hosts came back from snapshot {snapshot.name}: {', '.join(down)}.",
            hint="Look why: fab rehearsal.logs HOST. All that was seen is in logs/supervisor.log of the state folder.",
        )
