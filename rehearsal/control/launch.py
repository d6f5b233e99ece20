"""Starting the supervisor: one process below which everything of a rehearsal lives and with which it ends.

``unshare`` gives it PID, mount, cgroup, IPC, UTS and network namespaces of its own. PID 1 in there is tini, which
reaps orphans; the supervisor is its child. Whichever of the three ends, the kernel kills all
that is left in the PID namespace, and with it go the mounts, network namespaces and loop devices.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from console import ExitCode, ExpectedError
from console.waiting import wait_until
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.handler import Log
from rehearsal.base.locking import exclusive
from rehearsal.base.settings import Settings
from rehearsal.control import code, kernel, ownership
from rehearsal.control.client import SHUTDOWN, Supervisor, SupervisorError
from toolchain.files import write_atomically
from toolchain.folders import PROJECT

READY_SECONDS = 120.0

ENDING_SECONDS = 60.0
"""How long a supervisor may take to end: a database host may take 30 s to stop, and the file host stops after it."""

TOOLS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "tini": "tini",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nft": "nftables",
}
"""What the supervisor runs, by the Debian package that has it."""


def ensure(settings: Settings, log: Log | None = None) -> None:
    """Return when a supervisor with this clone's code answers; it outlives this process.

    One that runs other code is ended first, as at a shutdown of the machine: the new one boots its hosts again from
    their disks. Raises ExpectedError when the machine cannot have a supervisor, or with the end of the log of one that
    did not come up.
    """
    supervisor = Supervisor(settings)
    if supervisor.alive() and supervisor.runs_this_code():
        return
    check_machine()
    ownership.claim(settings)
    for folder in (settings.runtime, settings.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    report = log or (lambda line: None)
    # Two providers may need one at the same moment.
    with exclusive(settings.runtime / "launch.lock", "is starting the supervisor", report):
        if supervisor.alive():
            if supervisor.runs_this_code():
                return
            report("the supervisor runs other code than this clone has now: it is started again, and hosts reboot")
            supervisor.call(SHUTDOWN, {}, report, silence=ENDING_SECONDS)
        _wait_for_the_last(settings, report)
        _finish_reset(settings, report)
        report("starting the rehearsal's supervisor")
        _wait_until_ready(settings, _spawn(settings))


def _finish_reset(settings: Settings, log: Log) -> None:
    """A reset that was killed is finished first: or hosts would boot on roots and disks of different times."""
    if settings.reset.exists():
        from rehearsal.snapshots import put_back  # which most starts do not need, and takes a moment to import

        put_back.finish(settings, log)


def check_machine() -> None:
    """Raise ExpectedError where this machine cannot have a supervisor, saying why and what to do."""
    if sys.platform != "linux":
        raise ExpectedError("Hosts are booted on Linux only.", code=ExitCode.CANNOT_REHEARSE)
    if os.geteuid() != 0:
        raise ExpectedError(
            "Only root can boot hosts.",
            hint="Run it with sudo, or offline as any user: make preview",
            code=ExitCode.CANNOT_REHEARSE,
        )
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise ExpectedError(f"Tools are missing: {', '.join(missing)}.", hint=f"apt-get install {' '.join(missing)}")
    kernel.cgroup2()


def cgroup(settings: Settings) -> Path:
    """The rehearsal's own control group; everything that runs in it is below this one."""
    return kernel.cgroup2() / f"livegang-{settings.identifier}"


def _wait_for_the_last(settings: Settings, log: Log) -> None:
    """A supervisor that ends writes out what its hosts did; what is left of a killed one ends before disks are used."""
    group = Cgroup(cgroup(settings))
    if not group.populated():
        return
    log("waiting for the end of the supervisor before this one")
    wait_until(lambda: not kernel.lives(settings.identifier), ENDING_SECONDS, every=0.05)
    group.kill()
    if not group.wait_empty(10):
        raise ExpectedError(
            f"Processes of an earlier supervisor of {settings.state} do not end: {group.processes()}.",
            hint="Look at them with ps, then: fab rehearsal.down",
        )


def _spawn(settings: Settings) -> subprocess.Popen[bytes]:
    group = cgroup(settings)
    group.mkdir(exist_ok=True)
    unshare = ["unshare", "--pid", "--mount", "--cgroup", "--ipc", "--uts", "--net", "--propagation", "private"]
    unshare += ["--fork", "--kill-child=KILL", "--mount-proc"]
    supervisor = ["tini", "--", sys.executable, "-m", "rehearsal.supervisor", str(settings.state)]
    # The group is entered first: it becomes the root of the cgroup namespace.
    entering = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    with open(settings.logs / "supervisor.log", "ab") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", entering, str(group), *unshare, *supervisor],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=_environment(),
            start_new_session=True,
        )
    about = {
        "pid": process.pid,
        "project": str(PROJECT),
        "state": str(settings.state),
        "cgroup": str(group),
        "code": code.fingerprint(),
    }
    write_atomically(settings.runtime / "supervisor.json", json.dumps(about).encode())
    return process


def _environment() -> dict[str, str]:
    """Nothing of the caller's environment but where things are: it may hold the keys of a cloud."""
    kept = ("PATH", "LANG", "LIVEGANG_CACHE")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def _wait_until_ready(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    log_file = settings.logs / "supervisor.log"

    def ready() -> bool:
        if Supervisor(settings).alive():
            return True
        if process.poll() is not None:
            raise SupervisorError(
                f"The rehearsal's supervisor ended at once with {process.returncode}:\n{_end(log_file)}",
                hint=f"All it wrote is in {log_file}.",
            )
        return False

    if not wait_until(ready, READY_SECONDS, every=0.05):
        process.kill()
        raise SupervisorError(
            f"The rehearsal's supervisor did not answer within {READY_SECONDS:.0f} s:\n{_end(log_file)}",
            hint=f"All it wrote is in {log_file}.",
        )


def _end(file: Path, lines: int = 15) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
