"""The table of allowed flows, and the security rules that are derived from it.

A flow from one party to another becomes an inbound rule in the security group of each subnet it goes to, and an
outbound rule in that of each subnet it comes from. Each group ends with our own deny of everything: Azure's
default rules would let all subnets of the virtual network talk to each other and out to the Internet.

Azure's resolver, its metadata service and DHCP are exempt from security groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from infra.stack.topology import FlowSpec, Topology
from landscape.names import GATEWAY
from landscape.parties import ANY_HOST, AZURE_PLATFORM, INTERNET, KEY_VAULT, OLD_HOSTER, OPERATOR
from landscape.roles import ROLES

Direction = Literal["Inbound", "Outbound"]
Access = Literal["Allow", "Deny"]

SERVICE_TAGS = {INTERNET: "Internet", KEY_VAULT: "AzureKeyVault", AZURE_PLATFORM: "AzureCloud"}
"""Parties whose addresses Azure knows, by Azure's service tags."""
RANGES = (OPERATOR, OLD_HOSTER)
"""Parties whose addresses the stack file gives."""
PARTIES: tuple[str, ...] = (*ROLES, GATEWAY, ANY_HOST, *RANGES, *SERVICE_TAGS)

OUTBOUND_SUFFIX = "-out"
"""Rule names are unique within a group, whatever the direction, and a flow from a subnet to itself has two rules."""

# Bands of priorities. Those that the stack file gives are 100 to 1999 (see topology.FlowSpec); then come derived ones,
# then what Azure's gateway needs; 4096 is the last.
DERIVED = range(2000, 3900)
PLATFORM = 3900
DENY_ALL = 4096


@dataclass(frozen=True)
class SecurityRule:
    """One security rule, in Azure's terms."""

    name: str
    priority: int
    direction: Direction
    access: Access
    protocol: Literal["Tcp", "Udp", "*"]
    sources: tuple[str, ...]
    """CIDR prefixes, or one service tag, or ``*``."""
    destinations: tuple[str, ...]
    ports: tuple[str, ...]
    """Destination ports: ``443``, ``8001-8006`` or ``*``."""
    description: str


def priority_of(name: str, flow: FlowSpec) -> int:
    """The flow's own priority, or one that depends on its name only, so that other flows may come and go."""
    if flow.priority is not None:
        return flow.priority
    digest = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return DERIVED[digest % len(DERIVED)]


def subnets_of(topology: Topology, party: str) -> set[str]:
    """The subnets that a party is in; none for a party outside the virtual network."""
    if party == ANY_HOST:
        return set(topology.host_subnets)
    # Where a host takes on another role, that role's flows apply to the host's own subnet.
    return {party, *(host.role for host in topology.hosts_of(party).values())} & set(topology.network.subnets)


def prefixes_of(topology: Topology, party: str) -> list[str]:
    """The addresses of a party as CIDR prefixes, or its service tag."""
    if party in SERVICE_TAGS:
        return [SERVICE_TAGS[party]]
    if party == OPERATOR:
        return [str(network) for network in topology.network.operator_ranges]
    if party == OLD_HOSTER:
        return [str(network) for network in topology.network.old_hoster_ranges]
    return [str(topology.network.subnets[subnet]) for subnet in sorted(subnets_of(topology, party))]


def rules_of(topology: Topology, subnet: str) -> list[SecurityRule]:
    """All rules of the security group of ``subnet``, by direction and priority; each direction ends with a deny."""
    own = str(topology.network.subnets[subnet])
    rules: list[SecurityRule] = []
    for name, flow in topology.flows.items():
        sources = prefixes_of(topology, flow.source)
        destinations = prefixes_of(topology, flow.destination)
        if not sources or not destinations:
            continue  # The old hoster without ranges: no one is allowed.
        if subnet in subnets_of(topology, flow.destination):
            rules.append(_allow(name, flow, "Inbound", sources, [own]))
        if subnet in subnets_of(topology, flow.source):
            rules.append(_allow(name + OUTBOUND_SUFFIX, flow, "Outbound", [own], destinations, name))
    if subnet == GATEWAY:
        rules += _platform_rules()
    rules += [_deny("Inbound"), _deny("Outbound")]
    return sorted(rules, key=lambda rule: (rule.direction, rule.priority, rule.name))


def port_ranges(ports: Iterable[int]) -> tuple[str, ...]:
    """``[8001, 8002, 8003, 9000]`` as ``("8001-8003", "9000")``."""
    runs: list[tuple[int, int]] = []
    for port in sorted(ports):
        if runs and port == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], port)
        else:
            runs.append((port, port))
    return tuple(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _allow(
    rule: str,
    flow: FlowSpec,
    direction: Direction,
    sources: list[str],
    destinations: list[str],
    name: str | None = None,
) -> SecurityRule:
    return SecurityRule(
        name=rule,
        priority=priority_of(name or rule, flow),
        direction=direction,
        access="Allow",
        protocol="Tcp" if flow.protocol == "tcp" else "Udp",
        sources=tuple(sources),
        destinations=tuple(destinations),
        ports=port_ranges(flow.ports),
        description=f"{flow.source} to {flow.destination}",
    )


def _platform_rules() -> list[SecurityRule]:
    """What Azure requires of an application gateway's subnet: its control plane, its health probes, outbound access."""
    everything = ("*",)
    return [
        SecurityRule(
            "platform-gateway-manager", PLATFORM, "Inbound", "Allow", "Tcp", ("GatewayManager",), everything,
            ("65200-65535",), "Azure manages the application gateway",
        ),
        SecurityRule(
            "platform-load-balancer", PLATFORM + 1, "Inbound", "Allow", "*", ("AzureLoadBalancer",), everything,
            everything, "Azure probes the application gateway",
        ),
        SecurityRule(
            "platform-internet", PLATFORM, "Outbound", "Allow", "*", everything, ("Internet",), everything,
            "The application gateway does not work without it",
        ),
    ]  # fmt: skip


def _deny(direction: Direction) -> SecurityRule:
    everything = ("*",)
    name = f"deny-all-{direction.lower()}"
    return SecurityRule(
        name, DENY_ALL, direction, "Deny", "*", everything, everything, everything, "All that no flow allows"
    )
