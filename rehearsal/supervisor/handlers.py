"""The families of the rehearsal: what each starts before any resource, and which types each makes real."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal import dns, network, packages, vault
from rehearsal.base.handler import Handler
from rehearsal.base.world import World
from rehearsal.dns import handlers as dns_handlers
from rehearsal.gateway.resources import handlers as gateway_handlers
from rehearsal.machines import handlers as machine_handlers
from rehearsal.machines import vantage
from rehearsal.network import handlers as network_handlers
from rehearsal.vault import handlers as vault_handlers

STARTS: tuple[tuple[Callable[[World], None], ...], ...] = (
    (network.start,),
    (dns.start, vault.start, packages.start, vantage.start),
)
"""Each row starts concurrently: its members need what the row before made, and nothing of each other."""

RESTORE_ORDER = (
    ("VirtualNetwork", "NetworkSecurityGroup", "PublicIPAddress", "NatGateway"),
    ("Subnet",),
    ("NetworkInterface",),
    ("LoadBalancer",),
    ("Zone", "PrivateZone", "Vault", "UserAssignedIdentity"),
    ("RecordSet", "PrivateRecordSet", "VirtualNetworkLink", "Secret", "RoleAssignment"),
    ("WebApplicationFirewallPolicy", "Disk"),
    ("ApplicationGateway", "VirtualMachine"),
)
"""Types by the last part of their token: each group needs those before it. Hosts boot while the gateway starts, which
probes them until they answer."""


def collect(world: World) -> dict[str, Handler]:
    """All handlers by Pulumi token. A type without one is recorded only."""
    return {
        **network_handlers(world),
        **dns_handlers(world),
        **vault_handlers(world),
        **gateway_handlers(world),
        **machine_handlers.handlers(world),
    }


def turn(token: str) -> int:
    """The place of a type in the order of restoring. One that is missing from it, which a test refuses, comes last."""
    name = token.rsplit(":", 1)[-1]
    return next((index for index, group in enumerate(RESTORE_ORDER) if name in group), len(RESTORE_ORDER))
