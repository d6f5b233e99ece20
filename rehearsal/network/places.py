"""Fixed facts of the emulated network: names of its namespaces and interfaces, and addresses that no stack declares."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv4Interface

from landscape import parties
from rehearsal.base import settings
from rehearsal.network.declared import key, name_of

ROUTER = "router"
"""Azure's network: a bridge per subnet, and the network security groups. It translates no addresses."""
BORDER = "border"
"""Between Azure and the Internet: public addresses, NAT gateways, inbound NAT rules.

It is separate from the router so that the groups see the addresses that they see in Azure: outbound before
translation and inbound after it, also when a host calls one of its own network's public addresses.
"""
INTERNET = parties.INTERNET
"""All that the rehearsal has of the Internet: one bridge with a few residents."""
RESIDENTS: dict[str, IPv4Address] = {
    parties.OUTSIDE: settings.OUTSIDE,
    parties.OPERATOR: settings.OPERATOR,
    parties.OLD_HOSTER: settings.OLD_HOSTER,
    "public-dns": settings.PUBLIC_DNS,
    "packages": settings.PACKAGE_SERVER,
    parties.KEY_VAULT: settings.KEY_VAULT,
}
"""Namespaces on the Internet's bridge, with their addresses."""

TO_INTERNET = "internet0"
"""The interface towards the Internet, in both router and border."""
TO_AZURE, TO_BORDER = "azure0", "border0"
HUB = "hub"

# The links between these three have addresses of TEST-NET-1 (RFC 5737).
ROUTER_LINK = IPv4Interface("192.0.2.2/30")
BORDER_AZURE_LINK = IPv4Interface("192.0.2.1/30")
BORDER_INTERNET_LINK = IPv4Interface("192.0.2.6/30")
INTERNET_LINK = IPv4Interface("192.0.2.5/30")

DEFAULT_OUTBOUND = settings.PUBLIC_ADDRESSES[-2]
"""The address of subnets with Azure's default outbound access; never assigned to a PublicIPAddress."""

GATEWAY_MAC = "12:34:56:78:9a:bc"
"""The same for every gateway in Azure. It is set because a bridge's own changes with its ports."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def bridge_of(subnet: str) -> str:
    """Interface name of a subnet's bridge: 15 characters at most, readable at the front, unique at the end."""
    return f"br-{name_of(subnet).removeprefix('snet-')[:6]}-{digest(key(subnet))[:4]}"


def port_of(namespace: str) -> str:
    """Name of the router's end of a namespace's link."""
    return f"p-{namespace.removeprefix('nic-')[:8]}-{digest(namespace)[:4]}"


def mac_of(namespace: str) -> str:
    """Ethernet address of a namespace's eth0, with the prefix of Azure's network cards."""
    tail = digest(namespace)
    return f"00:0d:3a:{tail[0:2]}:{tail[2:4]}:{tail[4:6]}"


def interface_namespace(nic: str) -> str:
    """The namespace of a network interface, e.g. ``nic-db01`` for ``…/networkInterfaces/nic-db01``."""
    return f"nic-{name_of(nic).removeprefix('nic-').lower()}"
