"""Virtual networks, subnets, network interfaces, public addresses, NAT gateways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import (
    GROUP,
    SUCCEEDED,
    ResourceType,
    duplicates,
    guid,
    items,
    known,
    named,
    within,
)
from rehearsal.provider.values import UNKNOWN, Properties, look

_NAME = r"[A-Za-z0-9]([\w.-]{0,78}\w)?"
_NAME_RULE = "1 to 80 letters, digits, and _.-, beginning with a letter or digit, not ending with . or -"
_SUBNET_TOKEN = "azure-native:network:Subnet"


def parse_network(value: object, path: str) -> tuple[IPv4Network | None, list[Failure]]:
    """A CIDR prefix as network, or what is wrong with it; (None, []) for what is unknown or not IPv4."""
    if not isinstance(value, str) or ":" in value:
        return None, []
    try:
        return IPv4Network(value), []
    except ValueError as error:
        return None, [Failure(path, f"{value!r} is no CIDR prefix (InvalidAddressPrefixFormat): {error}")]


def address_prefix(subnet: Properties) -> object:
    """A subnet's IPv4 prefix, from whichever of the two properties has it; None without one."""
    prefixes = subnet.get("addressPrefixes")
    if subnet.get("addressPrefix") is not None:
        return subnet["addressPrefix"]
    if prefixes is UNKNOWN:
        return UNKNOWN
    return prefixes[0] if isinstance(prefixes, list) and prefixes else None


def address_refused(address: IPv4Address, network: IPv4Network) -> str | None:
    """Why Azure does not let an interface have the address in the subnet; None if it does."""
    if address not in network:
        return f"{address} is not in the subnet's prefix {network} (PrivateIPAddressNotInSubnet)"
    position, last = int(address) - int(network.network_address), network.num_addresses - 1
    if position < 4 or position == last:
        first = network.network_address
        return (
            f"{address} is one of the five addresses that Azure reserves in {network}: {first} to {first + 3} and "
            f"{network.broadcast_address} (PrivateIPAddressInReservedRange); the first free one is {first + 4}"
        )
    return None


class VirtualNetwork(ResourceType):
    token = "azure-native:network:VirtualNetwork"
    path = GROUP + "/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}"
    arm_type = "Microsoft.Network/virtualNetworks"
    replacing = frozenset({"location"})
    real = "Contains its subnets' bridges; nothing outside reaches them but through the router."
    not_modelled = "Peerings, DDoS protection, encryption, own DNS servers."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(r"[A-Za-z0-9][\w.-]{0,62}\w", inputs, "virtualNetworkName", "2 to 64 letters, digits, and _.-")
        prefixes = look(inputs, "addressSpace.addressPrefixes")
        if prefixes is None or prefixes == []:
            yield Failure("addressSpace.addressPrefixes", "a virtual network has at least one prefix")
        for index, prefix in enumerate(prefixes if isinstance(prefixes, list) else []):
            yield from parse_network(prefix, f"addressSpace.addressPrefixes[{index}]")[1]
        for name in ("subnets", "virtualNetworkPeerings"):
            if inputs.get(name):
                yield Failure(name, f"the stand-in makes no inline {name}; declare each as a resource of its own")

    def complete(self, identifier: str, body: Properties) -> Properties:
        defaults = {"enableDdosProtection": False, "privateEndpointVNetPolicies": "Disabled"}
        return {**SUCCEEDED, **defaults, "resourceGuid": guid(identifier, "resource"), **body}


class Subnet(ResourceType):
    token = _SUBNET_TOKEN
    path = GROUP + "/providers/Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}"
    arm_type = "Microsoft.Network/virtualNetworks/subnets"
    naming = "copy"
    real = "A bridge; a private subnet without NAT gateway gets no packet out."
    not_modelled = "Delegations, service endpoints, route tables, private endpoint policies."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(_NAME, inputs, "subnetName", _NAME_RULE)
        path = "addressPrefix" if "addressPrefix" in inputs else "addressPrefixes[0]"
        prefix = address_prefix(inputs)
        if prefix is None:
            yield Failure("addressPrefix", "a subnet has a prefix (NoAddressPrefixOrPoolProvided)")
        network, wrong = parse_network(prefix, path)
        yield from wrong
        if network is None:
            return
        if network.prefixlen > 29:
            yield Failure(path, f"{network} is too small: Azure reserves five addresses, the smallest subnet is a /29")
        yield from self._outside(identifier, network, path, checked)
        yield from self._overlapping(identifier, network, path, checked)

    def _outside(
        self, identifier: str | None, network: IPv4Network, path: str, known: KnownResources
    ) -> Iterator[Failure]:
        parent = identifier.rpartition("/subnets/")[0] if identifier else None
        found = known.find("azure-native:network:VirtualNetwork", parent)
        spaces = look(found, "addressSpace.addressPrefixes") if found else None
        if not isinstance(spaces, list) or UNKNOWN in spaces:
            return
        if not any(space and network.subnet_of(space) for space in (parse_network(s, "")[0] for s in spaces)):
            yield Failure(
                path, f"{network} is not within the virtual network's {', '.join(spaces)} (NetcfgInvalidSubnet)"
            )

    def _overlapping(
        self, identifier: str | None, network: IPv4Network, path: str, all_: KnownResources
    ) -> Iterator[Failure]:
        if identifier is None:
            return
        siblings = identifier.lower().rpartition("/")[0] + "/"
        for other, inputs in all_.others(self.token, identifier).items():
            theirs = parse_network(address_prefix(inputs), "")[0]
            if other.startswith(siblings) and theirs and theirs.overlaps(network):
                name = other.rpartition("/")[2]
                yield Failure(path, f"{network} overlaps {theirs} of subnet {name} (NetcfgSubnetRangesOverlap)")

    def complete(self, identifier: str, body: Properties) -> Properties:
        policies = {"privateEndpointNetworkPolicies": "Disabled", "privateLinkServiceNetworkPolicies": "Enabled"}
        return {**SUCCEEDED, **policies, "delegations": [], **body}


class NetworkInterface(ResourceType):
    token = "azure-native:network:NetworkInterface"
    path = GROUP + "/providers/Microsoft.Network/networkInterfaces/{networkInterfaceName}"
    arm_type = "Microsoft.Network/networkInterfaces"
    real = "A network namespace with the address on its eth0; the machine boots in it."
    not_modelled = "More than one address, IPv6, application security groups, accelerated networking."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(_NAME, inputs, "networkInterfaceName", _NAME_RULE)
        configurations = items(inputs.get("ipConfigurations"))
        if not inputs.get("ipConfigurations"):
            yield Failure(
                "ipConfigurations", "a network interface has at least one (NetworkInterfaceMustHaveIpConfiguration)"
            )
        yield from duplicates("name", configurations, "ipConfigurations")
        for index, configuration in configurations:
            yield from self._configuration(identifier, configuration, f"ipConfigurations[{index}]", checked)

    def _configuration(
        self, identifier: str | None, configuration: Properties, path: str, checked: KnownResources
    ) -> Iterator[Failure]:
        for name in ("name", "subnet"):
            if configuration.get(name) is None:
                yield Failure(f"{path}.{name}", "missing required property")
        method, text = configuration.get("privateIPAllocationMethod"), configuration.get("privateIPAddress")
        if method == "Static" and text is None:
            yield Failure(
                f"{path}.privateIPAddress", "a static allocation names its address (PrivateIPAddressNotSpecified)"
            )
        if text is not None and method in (None, "Dynamic"):
            yield Failure(f"{path}.privateIPAllocationMethod", "an address of one's own needs Static")
        if not isinstance(text, str):
            return
        try:
            address = IPv4Address(text)
        except ValueError:
            yield Failure(f"{path}.privateIPAddress", f"{text!r} is no IPv4 address (InvalidIPAddressFormat)")
            return
        subnet_id = look(configuration, "subnet.id")
        subnet = checked.find(_SUBNET_TOKEN, subnet_id)
        network = parse_network(address_prefix(subnet), "")[0] if subnet else None
        if network and (refused := address_refused(address, network)):
            yield Failure(f"{path}.privateIPAddress", refused)
        for other, inputs in checked.others(self.token, identifier).items():
            for _, theirs in items(inputs.get("ipConfigurations")):
                if (
                    theirs.get("privateIPAddress") == text
                    and known(subnet_id)
                    and look(theirs, "subnet.id") == subnet_id
                ):
                    name = other.rpartition("/")[2]
                    yield Failure(f"{path}.privateIPAddress", f"{text} is also {name}'s (PrivateIPAddressInUse)")

    def complete(self, identifier: str, body: Properties) -> Properties:
        configurations = body.get("ipConfigurations")
        mac = guid(identifier, "mac").replace("-", "").upper()
        return {
            **SUCCEEDED,
            "resourceGuid": guid(identifier, "resource"),
            "macAddress": f"00-0D-3A-{mac[0:2]}-{mac[2:4]}-{mac[4:6]}",
            "enableIPForwarding": False,
            "enableAcceleratedNetworking": False,
            "disableTcpStateTracking": False,
            "nicType": "Standard",
            "auxiliaryMode": "None",
            "auxiliarySku": "None",
            "vnetEncryptionSupported": False,
            **body,
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": [], **body.get("dnsSettings", {})},
            "ipConfigurations": [
                self._completed(identifier, position, configuration)
                for position, configuration in enumerate(configurations or [])
            ],
        }

    def _completed(self, identifier: str, position: int, configuration: Properties) -> Properties:
        return {
            **SUCCEEDED,
            "id": f"{identifier}/ipConfigurations/{configuration.get('name')}",
            "type": f"{self.arm_type}/ipConfigurations",
            "primary": position == 0,
            "privateIPAddressVersion": "IPv4",
            "privateIPAllocationMethod": "Dynamic",
            **configuration,
        }


class PublicIPAddress(ResourceType):
    token = "azure-native:network:PublicIPAddress"
    path = GROUP + "/providers/Microsoft.Network/publicIPAddresses/{publicIpAddressName}"
    arm_type = "Microsoft.Network/publicIPAddresses"
    replacing = frozenset({"location", "sku", "publicIPAddressVersion", "publicIPPrefix"})
    real = "An address of 198.51.100.0/24 on the rehearsal's Internet side."
    not_modelled = "DNS labels, DDoS settings, prefixes, zones, IPv6."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(_NAME, inputs, "publicIpAddressName", _NAME_RULE)
        sku, method = look(inputs, "sku.name"), inputs.get("publicIPAllocationMethod")
        if sku in (None, "Basic"):
            yield Failure("sku.name", "Basic addresses (Azure's default here) were retired on 2025-09-30; say Standard")
        if sku == "Standard" and method in (None, "Dynamic"):
            yield Failure("publicIPAllocationMethod", "a Standard address is Static; Azure's default here is Dynamic")
        if inputs.get("publicIPAddressVersion") == "IPv6":
            yield Failure("publicIPAddressVersion", "the stand-in has no IPv6")
        yield from within(inputs.get("idleTimeoutInMinutes"), 4, 30, "idleTimeoutInMinutes")
        yield from zones_refused(inputs, 3)
        label = look(inputs, "dnsSettings.domainNameLabel")
        if isinstance(label, str) and not re.fullmatch(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", label):
            yield Failure("dnsSettings.domainNameLabel", f"{label!r} is no label (InvalidDomainNameLabel)")

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {
            **SUCCEEDED,
            "resourceGuid": guid(identifier, "resource"),
            "publicIPAddressVersion": "IPv4",
            "idleTimeoutInMinutes": 4,
            "ipTags": [],
            **body,
            "sku": {"tier": "Regional", **body.get("sku", {})},
        }


class NatGateway(ResourceType):
    token = "azure-native:network:NatGateway"
    path = GROUP + "/providers/Microsoft.Network/natGateways/{natGatewayName}"
    arm_type = "Microsoft.Network/natGateways"
    real = "Source translation to its public address for the subnets that name it."
    not_modelled = "Idle time-outs, port exhaustion, more than one address."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(_NAME, inputs, "natGatewayName", _NAME_RULE)
        if look(inputs, "sku.name") is None:
            yield Failure("sku.name", "a NAT gateway has a SKU: Standard")
        addresses = inputs.get("publicIpAddresses")
        if isinstance(addresses, list) and len(addresses) > 16:
            yield Failure("publicIpAddresses", f"{len(addresses)} addresses; a NAT gateway has at most 16")
        yield from within(inputs.get("idleTimeoutInMinutes"), 4, 120, "idleTimeoutInMinutes")
        yield from zones_refused(inputs, 1)

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {**SUCCEEDED, "resourceGuid": guid(identifier, "resource"), "idleTimeoutInMinutes": 4, **body}


def zones_refused(inputs: Properties, most: int) -> Iterator[Failure]:
    """Failures of a ``zones`` property: a region has three, and a zonal resource is in one."""
    zones: Any = inputs.get("zones")
    if not isinstance(zones, list):
        return
    if len(zones) > most:
        yield Failure("zones", f"{len(zones)} zones; this type can be in {most} at most (InvalidAvailabilityZone)")
    for index, zone in enumerate(zones):
        if zone is not UNKNOWN and zone not in ("1", "2", "3"):
            yield Failure(f"zones[{index}]", f"{zone!r} is none of '1', '2', '3' (InvalidAvailabilityZone)")


TYPES = (VirtualNetwork(), Subnet(), NetworkInterface(), PublicIPAddress(), NatGateway())
