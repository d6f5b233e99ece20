"""Azure's network made real: namespaces, bridges, nftables, and a small Internet around them.

`start` makes the emulated network before any resource; `handlers` serve the resource types. The rest is for other
families: where an interface's namespace is, who has an address, how to attach to a subnet or a public address.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from rehearsal.base.handler import Handler, HandlerError
from rehearsal.base.world import World
from rehearsal.network import places, resources
from rehearsal.network.declared import Publication, key, name_of
from rehearsal.network.emulation import Attachment, emulated_network


def start(world: World) -> None:
    """Make router, border and Internet. What exists already is kept."""
    emulated_network(world).start()


def handlers(world: World) -> dict[str, Handler]:
    """The network family's handlers by Pulumi token."""
    types = (
        resources.VirtualNetwork,
        resources.Subnet,
        resources.NetworkSecurityGroup,
        resources.PublicIPAddress,
        resources.NatGateway,
        resources.LoadBalancer,
        resources.NetworkInterface,
    )
    return {f"azure-native:network:{kind.__name__}": kind(emulated_network(world)) for kind in types}


def namespace_of(world: World, nic_id: str) -> str:
    """Name of the network namespace of a network interface, which is there after its `put`."""
    return places.interface_namespace(nic_id)


def address_of(world: World, nic_id: str) -> str:
    """Private address of a network interface. Raises HandlerError if there is none of this id."""
    network = emulated_network(world)
    with network.lock:
        interface = network.declared.interfaces.get(key(nic_id))
        if interface is None or interface.address is None:
            raise HandlerError(f"There is no network interface {nic_id}.")
        return str(interface.address)


def interface_at(world: World, address: str | IPv4Address) -> str | None:
    """Lower-cased id of the network interface with this private address."""
    network, wanted = emulated_network(world), IPv4Address(address)
    with network.lock:
        found = (item.id for item in network.declared.interfaces.values() if item.address == wanted)
        return next(found, None)


def host_at(world: World, address: str | IPv4Address) -> str | None:
    """Id of the virtual machine whose interface has this private address."""
    nic = interface_at(world, address)
    if nic is None:
        return None
    for record in world.records.of_type("compute:VirtualMachine"):
        profile = record.properties.get("networkProfile") or {}
        if any(key(str(item.get("id"))) == nic for item in profile.get("networkInterfaces") or []):
            return record.id
    return None


def attach(world: World, namespace: str, subnet_id: str, address: str | IPv4Address) -> None:
    """Stand a namespace in a subnet: made if it is not there, its eth0 has ``address``, its way leads to the gateway.

    It may be called before the subnet is there. Raises HandlerError if something else has the address.
    """
    network, wanted = emulated_network(world), Attachment(namespace, key(subnet_id), IPv4Address(address))
    with network.lock:
        if other := network.address_in_use(wanted.address, wanted.subnet, but=namespace):
            raise HandlerError(f"{namespace} cannot have {address} in {name_of(subnet_id)}: {other} has it.")
        network.ensure_attachment(wanted)


def detach(world: World, namespace: str) -> None:
    """Undo `attach`, the namespace included. Nothing happens if there is none."""
    network = emulated_network(world)
    with network.lock:
        network.remove_attachment(namespace)


def publish(
    world: World, public_ip_id: str, to_address: str | IPv4Address, ports: Sequence[int] = (), name: str | None = None
) -> None:
    """Lead a public address to an inside one: the given TCP ports, or everything. Sources stay as they are.

    It may be called before the public address is there. ``name`` shows in the ruleset's comments.
    """
    network = emulated_network(world)
    with network.lock:
        publication = Publication(
            key(public_ip_id), IPv4Address(to_address), tuple(ports), name or name_of(public_ip_id)
        )
        network.declared.publications[publication.public_address] = publication
        network.apply()


def unpublish(world: World, public_ip_id: str) -> None:
    """Undo `publish`."""
    network = emulated_network(world)
    with network.lock:
        if network.declared.publications.pop(key(public_ip_id), None):
            network.apply()


def published(world: World, public_ip_id: str) -> bool:
    """Whether the rule that leads a public address inside is really there."""
    network = emulated_network(world)
    with network.lock:
        publication = network.declared.publications.get(key(public_ip_id))
        if publication is None or publication.public_address not in network.declared.public_addresses:
            return False
        return f"{publication.name}/published" not in network.translations.drift().missing_in({"prerouting"})


def public_address_of(world: World, public_ip_id: str) -> str | None:
    """The address of a PublicIPAddress, None while there is none."""
    network = emulated_network(world)
    with network.lock:
        address = network.declared.public_addresses.get(key(public_ip_id))
        return str(address) if address else None


def first_free_address(world: World, subnet_id: str) -> str:
    """The first address of a subnet that nothing has: what Azure would give. Raises HandlerError if it is full."""
    network = emulated_network(world)
    with network.lock:
        subnet = network.subnet(subnet_id)
        if subnet is None:
            raise HandlerError(f"There is no subnet {subnet_id}.")
        for address in subnet.hosts():
            if network.address_in_use(address, subnet.id, but="") is None:
                return str(address)
    raise HandlerError(f"SubnetIsFull: {subnet.name} ({subnet.prefix}) has no free address.")
