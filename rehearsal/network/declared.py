"""What the declared network amounts to: plain typed values, read from ARM properties, without any effect.

The properties come as the stand-in provider sends them (camelCase, as on Pulumi's wire). Ids are compared without
regard to case, as ARM does. What cannot be made real is refused with a HandlerError rather than left out silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

from rehearsal.base.handler import HandlerError, Properties
from rehearsal.network.security import SecurityGroup, security_group

NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,78}\w)?")
RESERVED = 4
"""Azure keeps a subnet's first four addresses (network, gateway, two for DNS) and its last one."""


@dataclass(frozen=True)
class Network:
    """A virtual network."""

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
    """Id of the NAT gateway that is its way out."""
    default_outbound: bool
    """Without a NAT gateway Azure lends a way out unless ``defaultOutboundAccess`` is false."""

    @property
    def gateway(self) -> IPv4Address:
        return self.prefix.network_address + 1

    def hosts(self) -> Iterator[IPv4Address]:
        """The addresses that Azure gives out."""
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
    """None while the address is to be chosen."""
    group: str | None
    inbound_rules: frozenset[str]
    """Ids of the load balancers' inbound NAT rules that lead here."""
    public_address: str | None
    """Id of a public address of its own."""


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
    """A public address that is translated to an inside one."""

    public_address: str
    inside: IPv4Address
    ports: tuple[int, ...]
    """TCP ports; all protocols and ports when empty."""
    name: str


@dataclass
class DeclaredNetwork:
    """All of it, by lower-cased id."""

    networks: dict[str, Network] = field(default_factory=dict)
    subnets: dict[str, Subnet] = field(default_factory=dict)
    groups: dict[str, SecurityGroup] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)
    nat_gateways: dict[str, NatGateway] = field(default_factory=dict)
    load_balancers: dict[str, LoadBalancer] = field(default_factory=dict)
    public_addresses: dict[str, IPv4Address] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    """By the public address's id."""

    def space_of(self, group: str | None) -> list[IPv4Network]:
        """What ``VirtualNetwork`` means to a group: the networks in which it applies, or all if none."""
        subnets = {subnet.id: subnet for subnet in self.subnets.values() if subnet.group == group}
        for interface in self.interfaces.values():
            if interface.group == group and interface.subnet in self.subnets:
                subnets[interface.subnet] = self.subnets[interface.subnet]
        named = [self.networks[subnet.network] for subnet in subnets.values() if subnet.network in self.networks]
        return sorted({prefix for network in named or self.networks.values() for prefix in network.prefixes})


def key(identifier: str) -> str:
    return identifier.lower()


def name_of(identifier: str) -> str:
    """The last part of an id; it is written into rules, so only what Azure allows in names passes."""
    name = identifier.rsplit("/", 1)[-1]
    if not NAME.fullmatch(name):
        raise HandlerError(
            f"{identifier}: {name!r} is not a name that Azure allows: letters, digits, '_', '.' and '-'."
        )
    return name


def reference(value: Any) -> str | None:
    """The lower-cased id in ``{"id": …}``."""
    return key(value["id"]) if isinstance(value, dict) and value.get("id") else None


def network(identifier: str, properties: Properties) -> Network:
    if properties.get("subnets"):
        raise HandlerError(
            f"{identifier}: subnets declared inside a virtual network are not made real; declare each as a Subnet."
        )
    prefixes = (properties.get("addressSpace") or {}).get("addressPrefixes") or []
    return Network(key(identifier), tuple(_prefix(identifier, prefix) for prefix in prefixes))


def subnet(identifier: str, properties: Properties) -> Subnet:
    prefixes = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    if len(prefixes) != 1 or prefixes[0] is None:
        raise HandlerError(f"{identifier}: a subnet needs exactly one addressPrefix here, not {prefixes}.")
    prefix = _prefix(identifier, prefixes[0])
    if prefix.prefixlen > 29:
        raise HandlerError(f"{identifier}: addressPrefix {prefix} is too small; Azure's smallest subnet is a /29.")
    return Subnet(
        id=key(identifier),
        name=name_of(identifier),
        network=key(identifier).partition("/subnets/")[0],
        prefix=prefix,
        group=reference(properties.get("networkSecurityGroup")),
        nat=reference(properties.get("natGateway")),
        default_outbound=properties.get("defaultOutboundAccess") is not False,
    )


def interface(identifier: str, properties: Properties) -> Interface:
    configurations = properties.get("ipConfigurations") or []
    if len(configurations) != 1:
        raise HandlerError(f"{identifier}: exactly one of ipConfigurations is made real, not {len(configurations)}.")
    (configuration,) = configurations
    inside = reference(configuration.get("subnet"))
    if inside is None:
        raise HandlerError(f"{identifier}: ipConfigurations[0].subnet.id is missing.")
    given = configuration.get("privateIPAddress")
    return Interface(
        id=key(identifier),
        name=name_of(identifier),
        subnet=inside,
        address=_address(identifier, given) if given else None,
        group=reference(properties.get("networkSecurityGroup")),
        inbound_rules=frozenset(
            found for rule in configuration.get("loadBalancerInboundNatRules") or [] if (found := reference(rule))
        ),
        public_address=reference(configuration.get("publicIPAddress")),
    )


def nat_gateway(identifier: str, properties: Properties) -> NatGateway:
    addresses = tuple(found for item in properties.get("publicIpAddresses") or [] if (found := reference(item)))
    return NatGateway(key(identifier), name_of(identifier), addresses)


def load_balancer(identifier: str, properties: Properties) -> LoadBalancer:
    frontends = {
        item.get("name"): reference(item.get("publicIPAddress"))
        for item in properties.get("frontendIPConfigurations") or []
    }
    rules = []
    for item in properties.get("inboundNatRules") or []:
        named = str((item.get("frontendIPConfiguration") or {}).get("id") or "").rsplit("/", 1)[-1]
        address = frontends.get(named)
        if address is None:
            raise HandlerError(
                f"{identifier}: inboundNatRules[{item.get('name')}] names the frontend {named!r}, which has no "
                f"publicIPAddress; frontends: {', '.join(str(name) for name in frontends) or 'none'}."
            )
        if item.get("frontendPort") is None or item.get("backendPort") is None:
            raise HandlerError(f"{identifier}: inboundNatRules[{item.get('name')}] needs frontendPort and backendPort.")
        protocol = str(item.get("protocol", "Tcp")).lower()
        rules.append(
            InboundRule(
                id=f"{key(identifier)}/inboundnatrules/{key(item['name'])}",
                name=name_of(item["name"]),
                public_address=address,
                protocols=("tcp", "udp") if protocol == "all" else (protocol,),
                frontend_port=int(item["frontendPort"]),
                backend_port=int(item["backendPort"]),
            )
        )
    return LoadBalancer(key(identifier), name_of(identifier), tuple(rules))


def group(identifier: str, properties: Properties) -> SecurityGroup:
    return security_group(key(identifier), name_of(identifier), properties.get("securityRules") or [])


def _prefix(identifier: str, text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise HandlerError(f"{identifier}: {text!r} is not an IPv4 prefix such as 10.77.1.0/24: {error}.") from None


def _address(identifier: str, text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError as error:
        raise HandlerError(f"{identifier}: {text!r} is not an IPv4 address: {error}.") from None
