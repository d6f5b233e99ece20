"""Handlers of the network's resource types: each keeps its part of what is declared, and the emulation makes it real.

`get` reads the kernel. What was removed by hand is reported as Azure would report it: a rule is missing in
``securityRules``, a subnet has lost its group or its NAT gateway, an interface its address. `put` of any resource
applies both rulesets again, which also repairs what `get` found.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from rehearsal.base import settings
from rehearsal.base.handler import Handler, HandlerError, Log, Properties
from rehearsal.base.world import World
from rehearsal.network import links, parsing, places, ruleset, translation
from rehearsal.network.declared import Interface, key, name_of
from rehearsal.network.emulation import Attachment, EmulatedNetwork, emulated_network


def by_token(world: World) -> dict[str, Handler]:
    """The network family's handlers by Pulumi token."""
    network = emulated_network(world)
    return {
        "azure-native:network:VirtualNetwork": VirtualNetworkHandler(network),
        "azure-native:network:Subnet": SubnetHandler(network),
        "azure-native:network:NetworkSecurityGroup": SecurityGroupHandler(network),
        "azure-native:network:PublicIPAddress": PublicAddressHandler(network),
        "azure-native:network:NatGateway": NatGatewayHandler(network),
        "azure-native:network:LoadBalancer": LoadBalancerHandler(network),
        "azure-native:network:NetworkInterface": InterfaceHandler(network),
    }


class NetworkHandler(ABC):
    """What the types have in common: one lock for all, and both rulesets are applied after each change."""

    kind: str
    """The field of `DeclaredNetwork` with the type's members."""

    def __init__(self, network: EmulatedNetwork) -> None:
        self.network = network

    @property
    def members(self) -> dict[str, Any]:
        members: dict[str, Any] = getattr(self.network.declared, self.kind)
        return members

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        with self.network.lock:
            self._refuse_namesake(identifier)
            before = self.members.get(key(identifier))
            try:
                observed = self.make(identifier, properties)
                self.network.apply()
            except HandlerError:
                # What the kernel refused must not be in the next ruleset, which is applied for some other resource.
                self.members.pop(key(identifier), None)
                if before is not None:
                    self.members[key(identifier)] = before
                raise
            return observed

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        with self.network.lock:
            return self.observe(identifier, properties) if key(identifier) in self.members else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        with self.network.lock:
            self.remove(identifier)
            self.members.pop(key(identifier), None)
            self.network.apply()

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)

    @abstractmethod
    def make(self, identifier: str, properties: Properties) -> Properties: ...

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        return {}

    def remove(self, identifier: str) -> None:  # noqa: B027 - most types are only rules
        """Remove what is not in the rulesets."""

    def _refuse_namesake(self, identifier: str) -> None:
        """Rules and namespaces use names, not ids, so the same name in two resource groups would be ambiguous."""
        if self.kind == "networks":
            return
        for other in self.members:
            if other != key(identifier) and other.rsplit("/", 1)[-1] == key(identifier).rsplit("/", 1)[-1]:
                raise HandlerError(f"{identifier}: {other} has the same name; in the rehearsal each needs its own.")


class VirtualNetworkHandler(NetworkHandler):
    kind = "networks"

    def make(self, identifier: str, properties: Properties) -> Properties:
        self.members[key(identifier)] = parsing.virtual_network(identifier, properties)
        self.network.route()
        return {}

    def remove(self, identifier: str) -> None:
        self.members.pop(key(identifier), None)
        self.network.route()


class SubnetHandler(NetworkHandler):
    kind = "subnets"

    def make(self, identifier: str, properties: Properties) -> Properties:
        subnet = parsing.subnet(identifier, properties)
        for other in self.members.values():
            if other.id != subnet.id and other.prefix.overlaps(subnet.prefix):
                raise HandlerError(
                    f"{identifier}: NetcfgSubnetRangesOverlap: addressPrefix {subnet.prefix} overlaps "
                    f"{other.prefix} of {other.name}."
                )
        self.members[subnet.id] = subnet
        self.network.ensure_subnet(subnet)
        return {}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        subnet = self.members[key(identifier)]
        bridge = links.observe(self.network.world.namespaces, places.ROUTER).get(places.bridge_of(subnet.id))
        address = IPv4Interface(f"{subnet.gateway}/{subnet.prefix.prefixlen}")
        if bridge is None or address not in bridge.addresses or not bridge.up:
            return None
        observed: Properties = {}
        dispatch = {stage.name for stage in ruleset.STAGES}
        if self.network.rules.drift().missing_in(dispatch) & {f"{subnet.name}/outbound", f"{subnet.name}/inbound"}:
            observed["networkSecurityGroup"] = None
        if f"{subnet.name}/nat" in self.network.translations.drift().missing_in({translation.OUTWARD}):
            observed["natGateway" if subnet.nat else "defaultOutboundAccess"] = None if subnet.nat else False
        return observed

    def remove(self, identifier: str) -> None:
        self.network.remove_link(places.ROUTER, places.bridge_of(identifier))


class SecurityGroupHandler(NetworkHandler):
    kind = "groups"

    def make(self, identifier: str, properties: Properties) -> Properties:
        self.members[key(identifier)] = parsing.group(identifier, properties)
        return {}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        group = self.members[key(identifier)]
        chains, drift = ruleset.chains_of(group.name), self.network.rules.drift()
        missing, foreign = drift.missing_in(chains), drift.foreign_in(chains)
        if not missing and not foreign:
            return {}
        declared = properties.get("securityRules") or []
        kept = [rule for rule in declared if ruleset.comment_of(group.name, rule["name"]) not in missing]
        known = {ruleset.comment_of(group.name, rule.name) for rule in group.rules}
        # A rule added by hand has no equivalent in ARM; its name says what it is.
        kept += [
            {"name": f"made-by-hand-{number}", "description": f"nftables, chain {rule.chain}: {rule.expression}"}
            for number, rule in enumerate((rule for rule in foreign if rule.comment not in known), start=1)
        ]
        return {"securityRules": kept}


class PublicAddressHandler(NetworkHandler):
    kind = "public_addresses"

    def make(self, identifier: str, properties: Properties) -> Properties:
        address = self.members.get(key(identifier)) or self._recorded(identifier) or self._choose(identifier)
        self.members[key(identifier)] = address
        spaces = self.network.world.namespaces
        links.batch(spaces, places.BORDER, [f"addr replace {address}/32 dev {places.TO_INTERNET}"])
        return {"ipAddress": str(address)}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        address = self.members[key(identifier)]
        link = links.observe(self.network.world.namespaces, places.BORDER).get(places.TO_INTERNET)
        there = link is not None and IPv4Interface(f"{address}/32") in link.addresses
        return {"ipAddress": str(address)} if there else None

    def remove(self, identifier: str) -> None:
        address = self.members.get(key(identifier))
        if address is None:
            return
        self.network.released.add(address)
        spaces = self.network.world.namespaces
        link = links.observe(spaces, places.BORDER).get(places.TO_INTERNET)
        if link is not None and IPv4Interface(f"{address}/32") in link.addresses:
            links.batch(spaces, places.BORDER, [f"addr delete {address}/32 dev {places.TO_INTERNET}"])

    def _recorded(self, identifier: str) -> IPv4Address | None:
        record = self.network.world.records.get(identifier)
        kept = record.observed.get("ipAddress") if record else None
        address = IPv4Address(kept) if kept else None
        return None if address in self.members.values() else address

    def _choose(self, identifier: str) -> IPv4Address:
        """An address that depends on the id only, the same in every rehearsal, until it was released."""
        pool = [address for address in settings.PUBLIC_ADDRESSES.hosts() if address != places.DEFAULT_OUTBOUND]
        kept = [
            record.observed.get("ipAddress") for record in self.network.world.records.of_type("network:PublicIPAddress")
        ]
        taken = {*self.members.values(), *self.network.released, *(IPv4Address(text) for text in kept if text)}
        start = int(places.digest(key(identifier)), 16) % len(pool)
        for address in (*pool[start:], *pool[:start]):
            if address not in taken:
                return address
        raise HandlerError(
            f"{identifier}: PublicIPCountLimitReached: no address of {settings.PUBLIC_ADDRESSES} is free."
        )


class NatGatewayHandler(NetworkHandler):
    kind = "nat_gateways"

    def make(self, identifier: str, properties: Properties) -> Properties:
        self.members[key(identifier)] = parsing.nat_gateway(identifier, properties)
        return {}


class LoadBalancerHandler(NetworkHandler):
    kind = "load_balancers"

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        for recorded in ("loadBalancingRules", "outboundRules", "inboundNatPools"):
            if properties.get(recorded):
                log(f"{name_of(identifier)}: {recorded} are recorded only, not made real")
        return super().put(identifier, properties, log)

    def make(self, identifier: str, properties: Properties) -> Properties:
        self.members[key(identifier)] = parsing.load_balancer(identifier, properties)
        return {}

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        name = self.members[key(identifier)].name
        missing = self.network.translations.drift().missing_in({translation.INWARD})
        declared = properties.get("inboundNatRules") or []
        kept = [rule for rule in declared if f"{name}/{rule['name']}" not in missing]
        return {} if len(kept) == len(declared) else {"inboundNatRules": kept}


class InterfaceHandler(NetworkHandler):
    kind = "interfaces"

    def make(self, identifier: str, properties: Properties) -> Properties:
        interface = parsing.interface(identifier, properties)
        namespace = places.interface_namespace(identifier)
        address = interface.address or self._keep_or_choose(interface, namespace)
        subnet = self.network.subnet(interface.subnet)
        if subnet is not None and not subnet.may_hold(address):
            inside = address in subnet.prefix
            code = "PrivateIPAddressInReservedRange" if inside else "PrivateIPAddressNotInSubnet"
            raise HandlerError(f"{identifier}: {code}: {address} is not available in {subnet.name} ({subnet.prefix}).")
        if other := self.network.address_in_use(address, interface.subnet, but=namespace):
            raise HandlerError(f"{identifier}: PrivateIPAddressInUse: {other} has {address} already.")
        self.members[interface.id] = Interface(**{**vars(interface), "address": address})
        self.network.ensure_attachment(Attachment(namespace, interface.subnet, address))
        return self._described(properties, address, namespace)

    def observe(self, identifier: str, properties: Properties) -> Properties | None:
        interface, spaces = self.members[key(identifier)], self.network.world.namespaces
        namespace = places.interface_namespace(identifier)
        if not spaces.exists(namespace) or places.port_of(namespace) not in links.observe(spaces, places.ROUTER):
            return None
        link = links.observe(spaces, namespace).get("eth0")
        if link is None:
            return None
        there = sorted(found.ip for found in link.addresses)
        address = interface.address if interface.address in there else next(iter(there), None)
        return self._described(properties, address, namespace)

    def remove(self, identifier: str) -> None:
        self.network.remove_attachment(places.interface_namespace(identifier))

    def _described(self, properties: Properties, address: IPv4Address | None, namespace: str) -> Properties:
        (configuration,) = properties["ipConfigurations"]
        return {
            "ipConfigurations": [{**configuration, "privateIPAddress": str(address) if address else None}],
            "macAddress": places.mac_of(namespace).upper().replace(":", "-"),
        }

    def _keep_or_choose(self, interface: Interface, namespace: str) -> IPv4Address:
        """For dynamic allocation: its current address, else the recorded one, else the first free one."""
        subnet = self.network.subnet(interface.subnet)
        record = self.network.world.records.get(interface.id)
        kept = [self.members[interface.id].address] if interface.id in self.members else []
        for configuration in record.observed.get("ipConfigurations", []) if record else []:
            kept += [IPv4Address(found)] if (found := configuration.get("privateIPAddress")) else []
        for address in (*kept, *(subnet.hosts() if subnet else ())):
            fits = subnet is None or subnet.may_hold(address)
            if fits and not self.network.address_in_use(address, interface.subnet, but=namespace):
                return IPv4Address(address)
        where = f"{subnet.name} ({subnet.prefix}) is full" if subnet else f"there is no {interface.subnet}"
        raise HandlerError(f"{interface.id}: SubnetIsFull: {where}.")
