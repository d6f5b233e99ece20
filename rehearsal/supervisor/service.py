"""The supervisor itself: it makes the world, serves the socket, and ends the world in good order."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rehearsal import image, keys
from rehearsal.base import protocol
from rehearsal.base.cgroups import ROOT as CGROUP_ROOT
from rehearsal.base.containers import Containers
from rehearsal.base.handler import HandlerError, Log
from rehearsal.base.namespaces import Namespaces
from rehearsal.base.records import Records
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.control import kernel
from rehearsal.machines import virtual_machine
from rehearsal.machines.disks import Disks
from rehearsal.machines.virtual_machine import VirtualMachines
from rehearsal.snapshots.take import Snapshots, thaw_all
from rehearsal.supervisor import families, report, way_in_sockets
from rehearsal.supervisor.change_lock import Changes
from rehearsal.supervisor.host_commands import HostCommands
from rehearsal.supervisor.lifecycle import Resources
from rehearsal.supervisor.server import RpcServer
from rehearsal.supervisor.watch import watch_services
from toolchain.folders import cache
from toolchain.pulumi_home import stack_files


class Service:
    """One supervisor's life, from the private mounts to the last host's power-off."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # A byte in this pipe ends it. The kernel may give a signal to any thread, and does so when all were stopped
        # for it, as at the machine's shutdown; Python's own handler would then wait until the main thread wakes.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        self._restored = threading.Event()
        self._ending = threading.Event()
        self._changes = Changes()
        self._started = time.time()

    def run(self) -> int:
        """Serve until SIGTERM or `shutdown`; returns the exit code."""
        if kernel.hold_alive(self._settings.identifier) is None:
            print(f"Another supervisor serves {self._settings.state} already.", flush=True)
            return 1
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self._wake)
        kernel.raise_inotify(self._settings.identifier)
        _private_mounts()
        thaw_all()
        keys.ensure(self._settings, *stack_files().values())
        world = self._world = _world(self._settings)
        for row in families.STARTS:
            with ThreadPoolExecutor(len(row)) as pool:
                list(pool.map(lambda start: _start(world, start), row))
        found = families.collect(world)
        machines = found[virtual_machine.TOKEN]
        assert isinstance(machines, VirtualMachines)
        disks = found["azure-native:compute:Disk"]
        assert isinstance(disks, Disks)
        self._snapshots = Snapshots(world, machines.hosts, disks.attached)
        self._hosts = machines.hosts
        self._host_commands = HostCommands(machines)
        self._resources = Resources(world, found)
        way_in_sockets.open_all(world)
        watch_services(world)
        server = RpcServer(self._settings.socket, self._methods(), world.log, self._settings.logs / "supervisor.log")
        threading.Thread(target=server.serve_forever, name="rpc", daemon=True).start()
        threading.Thread(target=self._restore, name="restore", daemon=True).start()
        world.log(f"serving {self._settings.state}")
        os.read(self._woken, 1)
        self._ending.set()
        self._end()
        return 0

    def _methods(self) -> dict[str, Any]:
        return {
            protocol.PING: self._ping,
            "put": self._put,
            "get": self._get,
            "delete": self._delete,
            "status": self._status,
            "host": self._host,
            "place": lambda params, log: report.place(self._world, self._hosts, str(params["name"])),
            "logs": self._logs,
            "shutdown": self._shutdown,
            "restored": self._tell_restored,
            "snapshot": self._snapshot,
            "sweep": lambda params, log: self._snapshots.sweep(),
        }

    def _status(self, params: dict[str, Any], log: Log) -> dict[str, Any]:
        return report.status(self._world, self._hosts, self._resources, self._started)

    def _logs(self, params: dict[str, Any], log: Log) -> str:
        return report.logs(self._world, self._hosts, str(params["name"]), int(params.get("lines", 50)))

    def _ping(self, params: dict[str, Any], log: Log) -> None:
        if self._ending.is_set():
            raise HandlerError(protocol.ENDING)

    def _put(self, params: dict[str, Any], log: Log) -> Any:
        self._wait_until_restored(log)
        with self._changes.one(log):
            return self._resources.put(params["type"], params["id"], params["properties"], log)

    def _get(self, params: dict[str, Any], log: Log) -> Any:
        self._wait_until_restored(log)
        return self._resources.get(params["type"], params["id"])

    def _delete(self, params: dict[str, Any], log: Log) -> None:
        self._wait_until_restored(log)
        with self._changes.one(log):
            self._resources.delete(params["type"], params["id"], log)

    def _snapshot(self, params: dict[str, Any], log: Log) -> dict[str, Any]:
        self._wait_until_restored(log)
        with self._changes.none("snapshot can be taken"):
            return self._snapshots.take(params, log)

    def _tell_restored(self, params: dict[str, Any], log: Log) -> list[dict[str, str]]:
        """Answers when all is brought back from its records: the hosts with their states."""
        self._restored.wait()
        return [{"name": host.name, "state": host.state} for _, host in self._hosts.all()]

    def _host(self, params: dict[str, Any], log: Log) -> dict[str, str]:
        self._wait_until_restored(log)
        with self._changes.one(log):
            return self._host_commands.carry_out(str(params["name"]), str(params["action"]))

    def _shutdown(self, params: dict[str, Any], log: Log) -> dict[str, float] | None:
        """Answers when all hosts are off; the process ends right after.

        ``for_good``: nothing is brought back later, so only databases are stopped in good order. Answers with seconds.
        """
        self._ending.set()
        seconds = None
        if params.get("for_good"):
            endings = self._hosts.end_all(log)
            began = time.monotonic()
            self._world.containers.stop_all(at_once=True)
            seconds = {"databases": endings.databases, "others": endings.others + time.monotonic() - began}
        else:
            self._stop_world(log)
        os.write(self._wake, b"\0")
        return seconds

    def _restore(self) -> None:
        try:
            self._resources.restore(self._world.log)
        except Exception:  # noqa: BLE001 - a thread's exception would be lost
            self._world.log(f"restoring stopped: {traceback.format_exc()}")
        finally:
            self._restored.set()
        # What a reset put aside. Last: it may be much, and nothing waits for it.
        self._snapshots.sweep()

    def _wait_until_restored(self, log: Log) -> None:
        if not self._restored.is_set():
            log("waiting until the rehearsal is brought back from its records")
            self._restored.wait()

    def _end(self) -> None:
        self._settings.socket.unlink(missing_ok=True)
        self._stop_world(self._world.log)
        kernel.restore_inotify(self._settings.identifier)
        self._world.log("ended")

    def _stop_world(self, log: Log) -> None:
        self._hosts.stop_all(log)
        self._world.containers.stop_all()


def _start(world: World, start: Callable[[World], None]) -> None:
    began = time.monotonic()
    start(world)
    world.log(f"{start.__module__} started in {time.monotonic() - began:.1f} s")


def _private_mounts() -> None:
    """Mounts that only this supervisor sees: names of network namespaces, nspawn's locks, the control groups."""
    for folder in (Path("/run/netns"), Path("/run/systemd/nspawn")):
        folder.mkdir(parents=True, exist_ok=True)
        _mount("-t", "tmpfs", "-o", "mode=755", "livegang", str(folder))
    _mount("--make-shared", "/run/netns")  # `ip netns` wants it
    # Where systemd is the machine's PID 1, cgroup2 is mounted there already, and the kernel mounts no file system
    # over itself: an empty one comes between.
    _mount("-t", "tmpfs", "livegang", str(CGROUP_ROOT))
    # Its controllers stay off below the rehearsal's group: nothing is limited, and what is measured needs none. Most
    # could not be on anyway, for the group holds processes itself (unshare, outside of its namespaces).
    _mount("-t", "cgroup2", "cgroup2", str(CGROUP_ROOT))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _world(settings: Settings) -> World:
    images = image.existing(cache())
    os.umask(0o022)
    for folder in (settings.machines, settings.services, settings.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    namespaces = Namespaces()
    return World(
        settings=settings,
        records=Records(settings.records),
        namespaces=namespaces,
        containers=Containers(settings.services, settings.logs, images.edge, namespaces),
        base_image=images.base,
        edge_image=images.edge,
    )
