"""compute:VirtualMachine: a host booted from the base image, in the network namespace of its interface."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal import network
from rehearsal.base.handler import HandlerError, Log, Properties
from rehearsal.base.world import World
from rehearsal.machines.disks import Disks
from rehearsal.machines.host import Host, Place, State
from rehearsal.machines.host_registry import Hosts
from rehearsal.machines.seed import Seed

TOKEN = "azure-native:compute:VirtualMachine"


class VirtualMachines:
    """Handler of the type. A machine whose host is gone is made anew; its data disks are not its own."""

    def __init__(self, world: World, hosts: Hosts, disks: Disks) -> None:
        self._world = world
        self.hosts = hosts
        self._disks = disks

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        seed = Seed.of(identifier, properties)
        host = self.hosts.add(identifier, seed.computer_name, self._role(properties))
        record = self._world.records.get(identifier)
        if record is None or not record.complete or host.state is State.GONE:
            log(f"{host.name}: booting")
            host.prepare(seed)
            host.boot(self._place(properties))
            log(f"{host.name}: cloud-init is done")
        else:
            self._change(host, record.properties, properties, log)
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        host = self.hosts.get(identifier)
        return None if host is None or host.state is State.GONE else {}

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        host = self.hosts.get(identifier)
        if host is not None:
            host.stop(self.hosts.stop_seconds(identifier))
            host.remove()
            self.hosts.forget(identifier)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Boot it again on its root, unless it was stopped or gone when the last supervisor ended."""
        host = self.hosts.add(identifier, computer_name(identifier, properties), self._role(properties))
        state = host.remembered() if host.overlay.exists() else State.GONE
        if state is State.STOPPED:
            host.overlay.mount()
        elif state is State.RUNNING:
            host.boot(self._place(properties))
        else:
            host.lose()

    def start(self, identifier: str) -> None:
        """Start a stopped host."""
        host = self.hosts.get(identifier)
        record = self._world.records.get(identifier)
        if host is None or record is None or host.state is State.GONE:
            raise HandlerError(
                f"{host.name if host else identifier} is gone, not only stopped: only Pulumi can make it anew."
            )
        host.boot(self._place(record.properties))

    def _change(self, host: Host, old: Properties, new: Properties, log: Log) -> None:
        """Azure keeps a machine's disks and reboots it for another size; data disks come and go while it runs."""
        if host.state not in (State.STARTING, State.RUNNING):
            return
        before, now = _data_disks(old), _data_disks(new)
        for lun in before:
            if before[lun] != now.get(lun):
                host.unplug(lun)
        for lun, disk in now.items():
            if before.get(lun) != disk:
                host.plug(lun, self._disks.device(disk))
        if before != now:
            host.move(self._place(new))
        if _size(old) != _size(new):
            log(f"{host.name}: rebooting as {_size(new)}")
            host.reboot()

    def _place(self, properties: Properties) -> Place:
        interface = interface_of(properties)
        if interface is None:
            raise HandlerError("networkProfile.networkInterfaces names no interface to boot behind.")
        namespace = self._world.namespaces.path(network.namespace_of(self._world, interface))
        return Place(namespace, self._devices(properties))

    def _devices(self, properties: Properties) -> Mapping[int, Path]:
        return {lun: self._disks.device(disk) for lun, disk in _data_disks(properties).items()}

    def _role(self, properties: Properties) -> str:
        """From the tag `role`; it decides only in which order hosts are stopped."""
        return str((properties.get("tags") or {}).get("role", ""))


def computer_name(identifier: str, properties: Properties) -> str:
    """The host's own name."""
    return str((properties.get("osProfile") or {}).get("computerName") or identifier.rsplit("/", 1)[-1])


def interface_of(properties: Properties) -> str | None:
    """Resource id of the primary network interface, or of the only one."""
    interfaces: list[dict[str, Any]] = (properties.get("networkProfile") or {}).get("networkInterfaces") or []
    primary = [interface for interface in interfaces if interface.get("primary")] or interfaces
    return str(primary[0]["id"]) if primary else None


def _data_disks(properties: Properties) -> dict[int, str]:
    """Disk ids by lun."""
    disks: list[dict[str, Any]] = (properties.get("storageProfile") or {}).get("dataDisks") or []
    return {int(disk["lun"]): str(disk["managedDisk"]["id"]) for disk in disks if disk.get("managedDisk")}


def _size(properties: Properties) -> str:
    return str((properties.get("hardwareProfile") or {}).get("vmSize", ""))
