"""The virtual network: a subnet per role with its security group, and outbound access through one NAT gateway."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native.network as azure

from infra.components.component import Component
from infra.components.deployment import Deployment
from infra.stack.flows import SecurityRule, rules_of
from landscape.names import GATEWAY

ALL_ZONES = ["1", "2", "3"]


@dataclass(frozen=True)
class NetworkProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]


class Network(Component):
    """Declares the network; ``subnet_ids`` are by subnet name."""

    def __init__(self, name: str, props: NetworkProps) -> None:
        super().__init__(name)
        self._props = props
        deployment = props.deployment
        self.virtual_network = azure.VirtualNetwork(
            deployment.names.virtual_network,
            virtual_network_name=deployment.names.virtual_network,
            resource_group_name=props.resource_group,
            location=deployment.location,
            address_space=azure.AddressSpaceArgs(address_prefixes=[str(deployment.topology.network.address_space)]),
            tags=deployment.tags,
            opts=self.below(),
        )
        nat_gateway = self._declare_nat_gateway()
        self.subnet_ids: dict[str, pulumi.Output[str]] = {}
        previous: azure.Subnet | None = None
        for subnet in deployment.topology.network.subnets:
            # One after another: Azure changes one subnet of a network at a time and refuses the others (409).
            previous = self._declare_subnet(subnet, nat_gateway, previous)
            self.subnet_ids[subnet] = previous.id
        self.register_outputs({})

    def _declare_nat_gateway(self) -> azure.NatGateway:
        names = self._props.deployment.names
        address = public_address(self, self._props.deployment, self._props.resource_group, "nat")
        self.nat_address = address.ip_address
        return azure.NatGateway(
            names.nat_gateway,
            nat_gateway_name=names.nat_gateway,
            resource_group_name=self._props.resource_group,
            location=self._props.deployment.location,
            sku=azure.NatGatewaySkuArgs(name=azure.NatGatewaySkuName.STANDARD),
            public_ip_addresses=[azure.SubResourceArgs(id=address.id)],
            idle_timeout_in_minutes=10,
            tags=self._props.deployment.tags,
            opts=self.below(),
        )

    def _declare_subnet(self, subnet: str, nat: azure.NatGateway, previous: azure.Subnet | None) -> azure.Subnet:
        deployment = self._props.deployment
        group = azure.NetworkSecurityGroup(
            deployment.names.security_group(subnet),
            network_security_group_name=deployment.names.security_group(subnet),
            resource_group_name=self._props.resource_group,
            location=deployment.location,
            # Inline, in a single request: the priorities of separate rules would collide while they change.
            security_rules=[_security_rule(rule) for rule in rules_of(deployment.topology, subnet)],
            tags=deployment.tags,
            opts=self.below(),
        )
        return azure.Subnet(
            deployment.names.subnet(subnet),
            subnet_name=deployment.names.subnet(subnet),
            virtual_network_name=self.virtual_network.name,
            resource_group_name=self._props.resource_group,
            address_prefix=str(deployment.topology.network.subnets[subnet]),
            network_security_group=azure.NetworkSecurityGroupArgs(id=group.id),
            # The application gateway has a public address of its own, for both directions.
            nat_gateway=None if subnet == GATEWAY else azure.SubResourceArgs(id=nat.id),
            # Set on every subnet: with this API version Azure would otherwise grant undeclared outbound access.
            default_outbound_access=False,
            opts=self.below(depends_on=[previous] if previous else []),
        )


def public_address(
    owner: Component, deployment: Deployment, resource_group: pulumi.Output[str], purpose: str
) -> azure.PublicIPAddress:
    """A static public address that survives the loss of a zone; protected where the stack protects."""
    name = deployment.names.public_address(purpose)
    return azure.PublicIPAddress(
        name,
        public_ip_address_name=name,
        resource_group_name=resource_group,
        location=deployment.location,
        sku=azure.PublicIPAddressSkuArgs(
            name=azure.PublicIPAddressSkuName.STANDARD, tier=azure.PublicIPAddressSkuTier.REGIONAL
        ),
        public_ip_allocation_method=azure.IPAllocationMethod.STATIC,
        public_ip_address_version=azure.IPVersion.I_PV4,
        zones=ALL_ZONES,
        tags=deployment.tags,
        opts=owner.below(protect=deployment.topology.protect),
    )


def _security_rule(rule: SecurityRule) -> azure.SecurityRuleArgs:
    one_source, several_sources = _one_or_several(rule.sources)
    one_destination, several_destinations = _one_or_several(rule.destinations)
    one_port, several_ports = _one_or_several(rule.ports)
    return azure.SecurityRuleArgs(
        name=rule.name,
        description=rule.description,
        priority=rule.priority,
        direction=rule.direction,
        access=rule.access,
        protocol=rule.protocol,
        source_address_prefix=one_source,
        source_address_prefixes=several_sources,
        source_port_range="*",
        destination_address_prefix=one_destination,
        destination_address_prefixes=several_destinations,
        destination_port_range=one_port,
        destination_port_ranges=several_ports,
    )


def _one_or_several(values: tuple[str, ...]) -> tuple[str | None, list[str] | None]:
    """Azure has one property for a single prefix, service tag or port range, and another for several."""
    return (values[0], None) if len(values) == 1 else (None, list(values))
