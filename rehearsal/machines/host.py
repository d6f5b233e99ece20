"""One booted host: its root, its processes, and what becomes of it."""

from __future__ import annotations

import enum
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from console.waiting import wait_until
from landscape.names import data_disk
from rehearsal.base import nspawn
from rehearsal.base.cgroups import ROOT, Cgroup
from rehearsal.base.handler import HandlerError
from rehearsal.base.mounts import Overlay, run
from rehearsal.machines.seed import Seed
from toolchain.files import write_atomically

BOOT_SECONDS = 240.0
"""Deadline for a boot with cloud-init; nine at once on two busy cores take about 30."""


WAKING = "waking"
"""File in a host's folder: it comes from a snapshot, and its next boot is the first since."""


class State(enum.StrEnum):
    STARTING = "starting"
    """It boots; its cloud-init is not done yet."""
    RUNNING = "running"
    STOPPED = "stopped"
    """It powered off. Azure knows such machines: it is no drift, and `start` starts it."""
    GONE = "gone"
    """Its processes ended in another way. For Azure's eyes it is not there any more."""


@dataclass(frozen=True)
class Place:
    """Where a host is put: given anew at each boot, since its loop devices and namespace may be new."""

    namespace: Path
    devices: Mapping[int, Path]
    """Block devices by the lun at which the host finds them."""


class Host:
    """A virtual machine of the landscape as a systemd-nspawn container, whose end is observed by a thread."""

    def __init__(self, name: str, folder: Path, base: Path) -> None:
        """``name`` is its osProfile.computerName; below ``folder`` it keeps its root; ``base`` is the image."""
        self.name = name
        self.folder = folder
        self.overlay = Overlay(base, folder)
        self.console = folder / "console.log"
        self.cgroup = Cgroup(ROOT / "hosts" / name)
        self._changed = threading.Condition()
        self._state = State.STOPPED
        self._since = time.time()
        self._booted = 0.0
        self._place: Place | None = None
        self._ended_by_us = False
        self._leaving = False

    # What it is

    @property
    def state(self) -> State:
        if self._state is State.STARTING and self._boot_finished():
            with self._changed:
                if self._state is State.STARTING:
                    self._set(State.RUNNING)
        return self._state

    @property
    def since(self) -> float:
        """When its state began, in seconds since the epoch."""
        return self._since

    def remembered(self) -> State | None:
        """What it was, or was becoming, when the last supervisor ended; None when it was never started."""
        with suppress(FileNotFoundError, ValueError):
            return State(json.loads((self.folder / "state.json").read_bytes())["state"])
        return None

    def leader(self) -> int | None:
        """Its systemd, as this process sees it."""
        return self.cgroup.inner(1)

    def run(self, argv: Sequence[str], timeout: float = 30) -> str:
        """Run a command inside as root; returns its standard output."""
        return nspawn.run(self.name, self.leader(), argv, timeout=timeout)

    # What is done with it

    def prepare(self, seed: Seed) -> None:
        """Give it a fresh root with ``seed``; whatever it was before is removed."""
        self.remove()
        self.overlay.mount()
        seed.write(self.overlay.root)

    def boot(self, place: Place) -> None:
        """Start it on its root and return when its cloud-init is done.

        Raises HandlerError with the ends of console and journal when that takes too long, fails, or when the host
        ends meanwhile. It is left as it is then, for one to look at.
        """
        self.start(place)
        if (self.folder / WAKING).exists():
            self._wait_until_awake()
        self.wait_until_booted()

    def start(self, place: Place) -> None:
        """Start it on its root without waiting."""
        with self._changed:
            if self._state in (State.STARTING, State.RUNNING):
                return
            self.cgroup.remove()
            self.overlay.mount()
            self._ended_by_us = False
            self._place = place
            self._begin_boot()
        threading.Thread(target=self._keep, name=f"host {self.name}", daemon=True).start()

    def wait_until_booted(self, seconds: float = BOOT_SECONDS) -> None:
        state = wait_until(lambda: self.state, seconds, every=0.1, done=lambda state: state is not State.STARTING)
        if state is State.STARTING:
            raise HandlerError(f"{self.name} did not finish cloud-init in {seconds:.0f} s.\n{self.explain()}")
        if state is not State.RUNNING:
            raise HandlerError(f"{self.name} ended while it was booting: it is {state}.\n{self.explain()}")
        if errors := self._cloud_init_errors():
            output = nspawn.end_of(self.overlay.root / "var/log/cloud-init-output.log", 30)
            raise HandlerError(
                f"cloud-init of {self.name} ended with errors: {'; '.join(errors)}\n— end of its output:\n{output}"
            )

    def _wait_until_awake(self) -> None:
        """Of a host whose cloud-init does not run, systemd says when it has started all that it was to start."""
        deadline = time.monotonic() + BOOT_SECONDS
        said = ""
        while self._state is State.STARTING and time.monotonic() < deadline:
            if (leader := self.leader()) is not None:
                command = nspawn.enter(leader, ["systemctl", "is-system-running", "--wait"])
                with suppress(subprocess.TimeoutExpired):
                    left = max(1.0, deadline - time.monotonic())
                    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)
                    said = done.stdout.strip()
            if said in ("running", "degraded"):
                (self.folder / WAKING).unlink()
                with self._changed:
                    if self._state is State.STARTING:
                        self._set(State.RUNNING)
                return
            time.sleep(0.1)

    def stop(self, seconds: float) -> None:
        """Power it off; after ``seconds`` its plug is pulled. Returns when no process is left."""
        if self._signal(signal.SIGRTMIN + 4) and not self.cgroup.wait_empty(seconds):  # systemd: poweroff.target
            self._ended_by_us = True
            self.cgroup.kill()
        self.cgroup.wait_empty(5)
        self._wait_for(State.STOPPED, State.GONE)

    def reboot(self) -> None:
        """Reboot it and wait until it is back."""
        before = self._booted
        if not self._signal(signal.SIGRTMIN + 5):  # systemd: reboot.target
            raise HandlerError(f"{self.name} is {self.state}, so it cannot be rebooted.")
        with self._changed:
            again = self._changed.wait_for(
                lambda: self._booted > before or self._state in (State.STOPPED, State.GONE), timeout=60
            )
        if not again:
            raise HandlerError(f"{self.name} did not go down for its reboot within 60 s.\n{self.explain()}")
        self.wait_until_booted()

    def kill(self) -> None:
        """End it whole at once, as if its hardware were lost."""
        self.cgroup.kill()
        self.cgroup.wait_empty(5)
        self._wait_for(State.STOPPED, State.GONE)

    def move(self, place: Place) -> None:
        """From the next boot on it is there."""
        self._place = place

    def lose(self) -> None:
        """Say of a host that was not found again that it is gone."""
        with self._changed:
            self._state = State.GONE

    def leave(self) -> None:
        """The supervisor ends: what comes now is not the host's own doing, and the next supervisor boots it again."""
        self._leaving = True

    def remove(self) -> None:
        """End it and remove its root; data disks are not below it."""
        self.kill()
        self.cgroup.remove()
        self.overlay.unmount()
        if self.folder.exists():
            shutil.rmtree(self.folder)

    def plug(self, lun: int, device: Path) -> None:
        """Attach a data disk to the running host."""
        minor = os.minor(device.stat().st_rdev)
        node = data_disk(lun)
        # In its mount namespace only: inside, it may not make device nodes itself. So it holds up no shutdown, either.
        made = f"mkdir -p {Path(node).parent} && rm -f {node} && mknod {node} b 7 {minor}"
        run("nsenter", f"--target={self.leader()}", "-m", "--", "sh", "-c", made)

    def unplug(self, lun: int) -> None:
        node = data_disk(lun)
        # One with which the host was booted is a mount, which nspawn made.
        self.run(["sh", "-c", f"if findmnt --noheadings --mountpoint {node}; then umount {node}; fi; rm -f {node}"])

    # What is shown of it

    def explain(self, lines: int = 15) -> str:
        """What one wants to see when it failed: failed units, the console's and the journal's end."""
        parts = [f"— end of its console ({self.console}):", nspawn.end_of(self.console, lines)]
        with suppress(HandlerError):
            parts += ["— failed units:", self.run(["systemctl", "--failed", "--no-legend", "--plain"], 10).strip()]
        parts += ["— end of its journal:", self.journal(lines)]
        return "\n".join(parts)

    def journal(self, lines: int) -> str:
        """The journal's end, from inside where it runs, else from what it left."""
        command = ["journalctl", "--no-pager", "--quiet", f"--lines={lines}"]
        with suppress(HandlerError):
            return self.run(command, 10).rstrip()
        kept = self.folder / "upper/var/log/journal"
        if not kept.is_dir() or shutil.which("journalctl") is None:
            return ""
        command.append(f"--directory={kept}")
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout.rstrip()

    # How it is watched

    def _keep(self) -> None:
        """Run it, again after each reboot, until it ends otherwise."""
        environment = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}  # else net.* sysctls are read-only
        while (code := self._spawn(environment).wait()) == nspawn.REBOOT:
            with self._changed:
                self._begin_boot()
        # nspawn may have ended before its host: then nothing would look after what is left of it.
        self.cgroup.kill()
        self.cgroup.wait_empty(5)
        with self._changed:
            self._set(State.STOPPED if code == 0 or self._ended_by_us else State.GONE)

    def _spawn(self, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        assert self._place is not None
        argv = [
            *nspawn.arguments(self.name, self.overlay.root, self._place.namespace),
            "--boot",
            "--console=passive",
            "--capability=CAP_NET_ADMIN",  # for the host's own nftables
            *[f"--bind={device}:{data_disk(lun)}" for lun, device in self._place.devices.items()],
        ]
        if (self.folder / WAKING).exists():
            # What it would do was done before the snapshot; it takes three quarters of what such a boot costs.
            argv.append("cloud-init=disabled")
        return nspawn.spawn(self.cgroup, argv, self.console, environment)

    def _begin_boot(self) -> None:
        self._booted = time.time()
        self._set(State.STARTING)

    def _set(self, state: State) -> None:
        self._state = state
        self._since = time.time()
        if not self._leaving:
            lasting = State.RUNNING if state is State.STARTING else state
            write_atomically(self.folder / "state.json", json.dumps({"state": lasting}).encode())
        self._changed.notify_all()

    def _boot_finished(self) -> bool:
        """cloud-init writes this file at the end of every boot in which it runs."""
        written = (self.overlay.root / "var/lib/cloud/instances").glob("*/boot-finished")
        return any(file.stat().st_mtime >= self._booted for file in written)

    def _cloud_init_errors(self) -> list[str]:
        with suppress(FileNotFoundError, ValueError):
            result = json.loads((self.overlay.root / "var/lib/cloud/data/result.json").read_bytes())
            return [str(error) for error in result["v1"]["errors"]]
        return []

    def _wait_for(self, *states: State) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._state in states, timeout=10):
                raise HandlerError(f"{self.name} has no process left, but is still seen as {self._state}.")

    def _signal(self, number: int) -> bool:
        """Send a signal to its systemd; False where there is none."""
        leader = self.leader()
        if leader is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(leader, number)
        return True
