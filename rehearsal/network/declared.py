"""The declared network as plain typed values, apart from ARM's properties and from what is made of it.

Ids are lower-cased (`key`), because ARM compares them without regard to case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from rehearsal.base.handler import HandlerError
from rehearsal.network.security import SecurityGroup

NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,78}\w)?")
RESERVED = 4
"""Azure reserves a subnet's first four addresses (network, gateway, two for DNS) and its last one."""


@dataclass(frozen=True)
class VirtualNetwork:
    id: str
    prefixes: tuple[IPv4Network, ...]


@dataclass(frozen=True)
class Subnet:
    id: str
    name: str
    network: str
    """Id of its virtual network."""
    prefix: IPv4Network
    group: str | None
    """Id of the network security group that applies to it."""
    nat: str | None
    """Id of the NAT gateway that gives it outbound access."""
    default_outbound: bool
    """Without a NAT gateway, Azure provides outbound access unless ``defaultOutboundAccess`` is false."""

    @property
    def gateway(self) -> IPv4Address:
        return self.prefix.network_address + 1

    def hosts(self) -> Iterator[IPv4Address]:
        """The addresses that Azure assigns."""
        return (self.prefix[index] for index in range(RESERVED, self.prefix.num_addresses - 1))

    def may_hold(self, address: IPv4Address) -> bool:
        return self.prefix[RESERVED] <= address < self.prefix.broadcast_address


@dataclass(frozen=True)
class Interface:
    """A network interface with its one address."""

    id: str
    name: str
    subnet: str
    address: IPv4Address | None
    """None until one is chosen (dynamic allocation)."""
    group: str | None
    inbound_rules: frozenset[str]
    """Ids of the load balancers' inbound NAT rules that forward to it."""
    public_address: str | None
    """Id of its own public address."""


@dataclass(frozen=True)
class InboundRule:
    """A load balancer's inbound NAT rule."""

    id: str
    name: str
    public_address: str
    protocols: tuple[str, ...]
    frontend_port: int
    backend_port: int


@dataclass(frozen=True)
class LoadBalancer:
    id: str
    name: str
    rules: tuple[InboundRule, ...]


@dataclass(frozen=True)
class NatGateway:
    id: str
    name: str
    public_addresses: tuple[str, ...]


@dataclass(frozen=True)
class Publication:
    """A public address that is translated to a private one."""

    public_address: str
    private_address: IPv4Address
    ports: tuple[int, ...]
    """TCP ports; all protocols and ports when empty."""
    name: str


@dataclass
class DeclaredNetwork:
    """All resources of the network, by lower-cased id."""

    networks: dict[str, VirtualNetwork] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    nat_gateways: dict[str, NatGateway] = field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    public_addresses: dict[str, IPv4Address] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    """By the public address's id."""

    def space_of(self, group: str | None) -> list[IPv4Network]:
        """What ``VirtualNetwork`` means to a group: the address space of the networks it applies in; all if none."""
        subnets = {subnet.id: subnet for subnet in self.subnets.values() if subnet.group == group}
        for interface in self.interfaces.values():
            if interface.group == group and interface.subnet in self.subnets:
                subnets[interface.subnet] = self.subnets[interface.subnet]
        named = [self.networks[subnet.network] for subnet in subnets.values() if subnet.network in self.networks]
        return sorted({prefix for network in named or self.networks.values() for prefix in network.prefixes})


def key(identifier: str) -> str:
    """The id as it is compared."""
    return identifier.lower()


def name_of(identifier: str) -> str:
    """The last part of an id; it is written into rules, so only what Azure allows in names passes."""
    name = identifier.rsplit("/", 1)[-1]
    if not NAME.fullmatch(name):
        raise HandlerError(
            f"{identifier}: {name!r} is not a name that Azure allows: letters, digits, '_', '.' and '-'."
        )
    return name
