"""Azure's network made real: namespaces, bridges, nftables, and a small Internet around them.

`start` creates the emulated network, before any resource. The rest is for other families: which namespace an interface
has, who has an address, how to attach to a subnet or publish an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.network import places
from rehearsal.network.declared import Publication, key, name_of
from rehearsal.network.emulation import Attachment, emulated_network


def start(world: World) -> None:
    """Create router, border and Internet. What exists already is kept."""
    emulated_network(world).start()


def namespace_of(world: World, nic_id: str) -> str:
    """Name of the network namespace of a network interface; it exists once the interface was put."""
    return places.interface_namespace(nic_id)


def address_of(world: World, nic_id: str) -> str:
    """Private address of a network interface. Raises HandlerError if there is no such interface."""
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
    """Attach a namespace to a subnet, with ``address`` on its eth0 and its default route through the subnet's gateway.

    The namespace is created if it does not exist; the subnet may be declared later. Raises HandlerError if something
    else has the address.
    """
    network, wanted = emulated_network(world), Attachment(namespace, key(subnet_id), IPv4Address(address))
    with network.lock:
        if other := network.address_in_use(wanted.address, wanted.subnet, but=namespace):
            raise HandlerError(f"{namespace} cannot have {address} in {name_of(subnet_id)}: {other} has it.")
        network.ensure_attachment(wanted)


def detach(world: World, namespace: str) -> None:
    """Undo `attach` and delete the namespace, if it exists."""
    network = emulated_network(world)
    with network.lock:
        network.remove_attachment(namespace)


def publish(
    world: World, public_ip_id: str, to_address: str | IPv4Address, ports: Sequence[int] = (), name: str | None = None
) -> None:
    """Forward a public address to a private one: the given TCP ports, or everything. Source addresses are kept.

    The public address may be declared later. ``name`` is used in the ruleset's comments.
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
    """Whether the kernel has the rule that forwards a public address."""
    network = emulated_network(world)
    with network.lock:
        publication = network.declared.publications.get(key(public_ip_id))
        if publication is None or publication.public_address not in network.declared.public_addresses:
            return False
        return f"{publication.name}/published" not in network.translations.drift().missing_in({"prerouting"})


def public_address_of(world: World, public_ip_id: str) -> str | None:
    """The address of a PublicIPAddress; None if there is no such resource."""
    network = emulated_network(world)
    with network.lock:
        address = network.declared.public_addresses.get(key(public_ip_id))
        return str(address) if address else None


def first_free_address(world: World, subnet_id: str) -> str:
    """A subnet's first free address, which Azure would assign. Raises HandlerError if the subnet is full."""
    network = emulated_network(world)
    with network.lock:
        subnet = network.subnet(subnet_id)
        if subnet is None:
            raise HandlerError(f"There is no subnet {subnet_id}.")
        for address in subnet.hosts():
            if network.address_in_use(address, subnet.id, but="") is None:
                return str(address)
    raise HandlerError(f"SubnetIsFull: {subnet.name} ({subnet.prefix}) has no free address.")
