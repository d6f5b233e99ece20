"""The families of the rehearsal: what each starts before any resource, and which types each makes real."""

from __future__ import annotations

from collections.abc import Callable

from rehearsal import dns, network, packages, vault
from rehearsal.base.handler import Handler
from rehearsal.base.world import World
from rehearsal.dns import handlers as dns_handlers
from rehearsal.gateway import handlers as gateway_handlers
from rehearsal.machines import handlers as machine_handlers
from rehearsal.machines import vantage
from rehearsal.network import handlers as network_handlers
from rehearsal.vault import handlers as vault_handlers

STARTS: tuple[tuple[Callable[[World], None], ...], ...] = (
    (network.start,),
    (dns.start, vault.start, packages.start, vantage.start),
)
"""Each row starts concurrently: its members need what the row before made, and nothing of each other."""

HANDLERS: tuple[Callable[[World], dict[str, Handler]], ...] = (
    network_handlers.by_token,
    dns_handlers.by_token,
    vault_handlers.by_token,
    gateway_handlers.by_token,
    machine_handlers.by_token,
)
"""What makes resources real, of each family that does."""

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
    return {token: handler for by_token in HANDLERS for token, handler in by_token(world).items()}


def restore_rank(token: str) -> int:
    """The place of a type in the order of restoring. One that is missing from it, which a test refuses, comes last."""
    name = token.rsplit(":", 1)[-1]
    return next((index for index, group in enumerate(RESTORE_ORDER) if name in group), len(RESTORE_ORDER))
