"""Bringing a rehearsal down so that nothing of it stays on the machine, whatever state it is in."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from console import ExpectedError
from console.waiting import wait_until
from rehearsal.base import settings as places
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.handler import Log
from rehearsal.base.settings import Settings
from rehearsal.control import kernel, launch, ownership
from rehearsal.control.client import SHUTDOWN, Supervisor, SupervisorError
from toolchain import engines

END_SECONDS = 10.0
ENGINE_SECONDS = 10.0


def down(settings: Settings, log: Log) -> None:
    """End the supervisor and all below it, and remove its world and stack state; the keys and what was built stay.

    Works as well when the supervisor is dead, when it does not answer, or after a `down` that was interrupted.
    Raises ExpectedError when the rehearsal is another clone's or user's, or when something did not end.
    """
    ownership.check(settings)
    began = time.monotonic()
    _end_engines(settings, log)
    databases = end(settings, log, for_good=True)
    ended = time.monotonic()
    world = [
        settings.machines,
        settings.disks,
        settings.snapshots,
        settings.services,
        settings.records,
        settings.packages,
        settings.vault,
    ]
    # The stack's state describes what is removed here: kept, it would make the next `up` look for it.
    stack = [settings.backend, settings.pulumi_home, settings.logs]
    _remove([part for folder in world if folder.exists() for part in folder.iterdir()])
    _remove(world)
    _remove(stack)
    settings.reset.unlink(missing_ok=True)
    ownership.release(settings)
    _sweep()
    log(
        f"databases stopped in {databases:.1f} s, all else ended in {ended - began - databases:.1f} s, "
        f"files removed in {time.monotonic() - ended:.1f} s"
    )


def end(settings: Settings, log: Log, for_good: bool = False) -> float:
    """End the supervisor and all below it, gracefully if it answers; its world stays on disk to be brought back.

    ``for_good``: nothing is to be brought back, so only databases are stopped gracefully. Returns their seconds.
    """
    supervisor = Supervisor(settings)
    databases = 0.0
    if supervisor.reachable():
        try:
            seconds = supervisor.call(SHUTDOWN, {"for_good": for_good}, log=log, silence=launch.ENDING_SECONDS)
            databases = (seconds or {}).get("databases", 0.0)
        except SupervisorError as error:
            log(f"the supervisor did not end by itself: {error.reason}")
    _kill(settings, log)
    kernel.restore_inotify(settings.identifier)
    if settings.runtime.exists():
        shutil.rmtree(settings.runtime)
    return databases


def _remove(paths: list[Path]) -> None:
    """With the machine's own command, which is several times faster than Python, and one for each processor."""

    def remove(path: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["rm", "-rf", "--", path], capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [removed for removed in pool.map(remove, paths) if removed.returncode]
    if failed:
        complaints = [removed.stderr.strip() for removed in failed]
        raise ExpectedError(
            f"Not everything could be removed: {' '.join(complaints)}", hint="Repeat: fab rehearsal.down"
        )


def _end_engines(settings: Settings, log: Log) -> None:
    """First of all: an `up` that is still at work would start the next supervisor."""
    if working := engines.engines(settings.pulumi_home):
        log(f"ending pulumi, which is still at work (process {', '.join(str(process.id) for process in working)})")
        engines.end(working, signal.SIGINT, signal.SIGKILL, seconds=ENGINE_SECONDS)
    engines.end_orphans(settings.pulumi_home)


def _kill(settings: Settings, log: Log) -> None:
    """Wait for the end of all processes, then end those that are left, and remove their control group."""
    try:
        group = Cgroup(launch.cgroup(settings))
    except ExpectedError:
        return  # without cgroup2 there never was a rehearsal on this machine since it started
    if not group.path.exists():
        return
    wait_until(lambda: not (group.populated() and kernel.lives(settings.identifier)), END_SECONDS, every=0.05)
    group.remove()
    if group.path.exists():
        names = ", ".join(f"{process} ({_name(process)})" for process in group.processes())
        raise ExpectedError(
            f"Processes of the rehearsal in {settings.state} did not end: {names or 'none is seen any more'}.",
            hint=f"They are in {group.path}; look at them with ps, then repeat: fab rehearsal.down",
        )


def _sweep() -> None:
    """Remove what is left of rehearsals that were killed and whose state folder somebody removed by hand."""
    for runtime in places.RUNTIME.glob("*/"):
        about = runtime / "supervisor.json"
        if not about.exists() or kernel.lives(runtime.name):
            continue
        known = json.loads(about.read_bytes())
        group = Cgroup(Path(known["cgroup"]))
        if not Path(known["state"]).exists() and not group.populated():
            group.remove()
            shutil.rmtree(runtime)


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return "ended meanwhile"
