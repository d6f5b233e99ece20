"""DNS: the public zone with the endpoints, and the private zone with the hosts."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native.dns as dns
import pulumi_azure_native.privatedns as privatedns

from infra.components.component import Component
from infra.components.deployment import Deployment

GLOBAL = "Global"
"""DNS zones have no region. Left out, the provider would fill one in, and changing it replaces the zone."""

PRIVATE_TTL = 300


@dataclass(frozen=True)
class PublicNamesProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]
    gateway_address: pulumi.Output[str | None]


class PublicNames(Component):
    """Declares the endpoints' zone with one address record each."""

    def __init__(self, name: str, props: PublicNamesProps) -> None:
        super().__init__(name)
        domain = props.deployment.topology.domain
        zone = dns.Zone(
            f"zone-{domain.zone}",
            zone_name=domain.zone,
            resource_group_name=props.resource_group,
            location=GLOBAL,
            zone_type=dns.ZoneType.PUBLIC,
            tags=props.deployment.tags,
            opts=self.below(protect=props.deployment.topology.protect),
        )
        for endpoint, wanted in props.deployment.topology.endpoints.items():
            dns.RecordSet(
                f"endpoint-{endpoint}",
                relative_record_set_name=wanted.host_name.removesuffix(f".{domain.zone}"),
                record_type="A",
                zone_name=zone.name,
                resource_group_name=props.resource_group,
                ttl=domain.ttl,
                a_records=[dns.ARecordArgs(ipv4_address=props.gateway_address)],
                opts=self.below(),
            )
        self.register_outputs({})


@dataclass(frozen=True)
class PrivateNamesProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]
    virtual_network_id: pulumi.Output[str]


class PrivateNames(Component):
    """Declares the hosts' zone, linked to the virtual network."""

    def __init__(self, name: str, props: PrivateNamesProps) -> None:
        super().__init__(name)
        topology = props.deployment.topology
        zone = privatedns.PrivateZone(
            f"zone-{topology.internal_domain}",
            private_zone_name=topology.internal_domain,
            resource_group_name=props.resource_group,
            location=GLOBAL,
            tags=props.deployment.tags,
            opts=self.below(),
        )
        privatedns.VirtualNetworkLink(
            f"link-{topology.landscape}",
            virtual_network_link_name=f"link-{topology.landscape}",
            private_zone_name=zone.name,
            resource_group_name=props.resource_group,
            location=GLOBAL,
            virtual_network=privatedns.SubResourceArgs(id=props.virtual_network_id),
            # The records are declared below; registration by Azure would give each host a second name.
            registration_enabled=False,
            tags=props.deployment.tags,
            opts=self.below(),
        )
        for host, wanted in topology.hosts.items():
            privatedns.PrivateRecordSet(
                f"host-{host}",
                relative_record_set_name=host,
                record_type="A",
                private_zone_name=zone.name,
                resource_group_name=props.resource_group,
                ttl=PRIVATE_TTL,
                a_records=[privatedns.ARecordArgs(ipv4_address=str(wanted.address))],
                opts=self.below(),
            )
        self.register_outputs({})
