"""The two ways in besides the endpoints: ssh to the jump host, and the old hoster's SFTP.

No host has a public address. A load balancer forwards port 22 of two addresses to one host each. Who may connect is
decided by the security groups, which see the caller's own address.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native.network as azure

from infra.components.component import Component
from infra.components.deployment import Deployment
from infra.components.network import public_address

SSH = 22


@dataclass(frozen=True)
class WayInProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]


class WayIn(Component):
    """Declares the load balancer; ``rules`` are the ids of the inbound NAT rules by host, for network interfaces."""

    def __init__(self, name: str, props: WayInProps) -> None:
        super().__init__(name)
        topology, names = props.deployment.topology, props.deployment.names
        ways = {"way-in": topology.jump_host}
        if transfer := next(iter(topology.hosts_of("transfer")), None):
            ways["transfer"] = transfer
        addresses = {way: public_address(self, props.deployment, props.resource_group, way) for way in ways}
        balancer = azure.LoadBalancer(
            names.load_balancer,
            load_balancer_name=names.load_balancer,
            resource_group_name=props.resource_group,
            location=props.deployment.location,
            sku=azure.LoadBalancerSkuArgs(name=azure.LoadBalancerSkuName.STANDARD),
            frontend_ip_configurations=[
                azure.FrontendIPConfigurationArgs(name=way, public_ip_address=azure.PublicIPAddressArgs(id=address.id))
                for way, address in addresses.items()
            ],
            inbound_nat_rules=[_inbound_nat_rule(way) for way in ways],
            tags=props.deployment.tags,
            opts=self.below(),
        )
        self.jump_address = addresses["way-in"].ip_address
        self.transfer_address = addresses["transfer"].ip_address if "transfer" in addresses else None
        self.rules = {
            host: pulumi.Output.concat(balancer.id, "/inboundNatRules/", _rule_name(way)) for way, host in ways.items()
        }
        self.register_outputs({})


def _rule_name(way: str) -> str:
    return f"ssh-{way}"


def _inbound_nat_rule(way: str) -> azure.InboundNatRuleArgs:
    return azure.InboundNatRuleArgs(
        name=_rule_name(way),
        frontend_ip_configuration=azure.SubResourceArgs(id=f"$self/frontendIPConfigurations/{way}"),
        protocol=azure.TransportProtocol.TCP,
        frontend_port=SSH,
        backend_port=SSH,
        # A transfer may be silent while the other side reads its disk.
        idle_timeout_in_minutes=30,
        enable_tcp_reset=True,
        enable_floating_ip=False,
    )
