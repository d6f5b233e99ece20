"""From ARM properties to the declared network.

The properties come as the stand-in provider sends them (camelCase, as Pulumi transmits them). What cannot be made real
is refused with a HandlerError rather than left out silently.
"""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Any

from rehearsal.base.handler import HandlerError, Properties
from rehearsal.network.declared import (
    InboundRule,
    Interface,
    LoadBalancer,
    NatGateway,
    Subnet,
    VirtualNetwork,
    key,
    name_of,
)
from rehearsal.network.security import SecurityGroup, security_group


def virtual_network(identifier: str, properties: Properties) -> VirtualNetwork:
    if properties.get("subnets"):
        raise HandlerError(
            f"{identifier}: subnets declared inside a virtual network are not made real; declare each as a Subnet."
        )
    prefixes = (properties.get("addressSpace") or {}).get("addressPrefixes") or []
    return VirtualNetwork(key(identifier), tuple(_prefix(identifier, prefix) for prefix in prefixes))


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
        group=_reference(properties.get("networkSecurityGroup")),
        nat=_reference(properties.get("natGateway")),
        default_outbound=properties.get("defaultOutboundAccess") is not False,
    )


def interface(identifier: str, properties: Properties) -> Interface:
    configurations = properties.get("ipConfigurations") or []
    if len(configurations) != 1:
        raise HandlerError(f"{identifier}: exactly one of ipConfigurations is made real, not {len(configurations)}.")
    (configuration,) = configurations
    inside = _reference(configuration.get("subnet"))
    if inside is None:
        raise HandlerError(f"{identifier}: ipConfigurations[0].subnet.id is missing.")
    given = configuration.get("privateIPAddress")
    return Interface(
        id=key(identifier),
        name=name_of(identifier),
        subnet=inside,
        address=_address(identifier, given) if given else None,
        group=_reference(properties.get("networkSecurityGroup")),
        inbound_rules=frozenset(
            found for rule in configuration.get("loadBalancerInboundNatRules") or [] if (found := _reference(rule))
        ),
        public_address=_reference(configuration.get("publicIPAddress")),
    )


def nat_gateway(identifier: str, properties: Properties) -> NatGateway:
    addresses = tuple(found for item in properties.get("publicIpAddresses") or [] if (found := _reference(item)))
    return NatGateway(key(identifier), name_of(identifier), addresses)


def load_balancer(identifier: str, properties: Properties) -> LoadBalancer:
    frontends = {
        item.get("name"): _reference(item.get("publicIPAddress"))
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


def _reference(value: Any) -> str | None:
    """The lower-cased id in ``{"id": …}``."""
    return key(value["id"]) if isinstance(value, dict) and value.get("id") else None


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
