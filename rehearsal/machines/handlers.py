"""The compute family: virtual machines and their disks."""

from __future__ import annotations

from rehearsal.base.handler import Handler
from rehearsal.base.world import World
from rehearsal.machines.disks import Disks
from rehearsal.machines.host_registry import Hosts
from rehearsal.machines.virtual_machine import TOKEN, VirtualMachines


def by_token(world: World) -> dict[str, Handler]:
    """The family's handlers by Pulumi token."""
    disks = Disks(world.settings.disks)
    hosts = Hosts(world.settings.machines, world.base_image)
    return {TOKEN: VirtualMachines(world, hosts, disks), "azure-native:compute:Disk": disks}
