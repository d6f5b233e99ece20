"""The host's own firewall, from the same table of flows as the network security groups."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from console import ExpectedError
from hosts.roles import apt
from hosts.roles.context import HEADER, Context
from hosts.roles.rendering import render
from hosts.states import Firewall, Package, State, Unit
from infra.inventory.model import Flow

ANYWHERE = "0.0.0.0/0"
PLATFORM = "168.63.129.16/32"
"""Azure's own address, from which its load balancers probe."""
SERVICE_TAGS = {"Internet": ANYWHERE, "*": ANYWHERE, "AzureLoadBalancer": PLATFORM, "AzureCloud": ANYWHERE}
"""Sources that are not written as addresses."""


@dataclass(frozen=True)
class Rule:
    """What one flow lets in."""

    name: str
    protocol: str
    sources: tuple[str, ...]
    """CIDR prefixes; empty for anywhere."""
    ports: tuple[int, ...]


def rules(context: Context) -> list[Rule]:
    """What may come in, flow by flow. Raises ExpectedError where the table would shut out the way in."""
    found = [
        Rule(flow.name, flow.protocol, _sources(flow), tuple(flow.ports))
        for flow in sorted(context.inventory.flows, key=lambda flow: flow.name)
        if _comes_to(flow, context.host.address)
    ]
    jump_host = context.inventory.hosts[context.inventory.way_in.jump_host]
    if context.host != jump_host and not any(_admits(rule, jump_host.address, 22) for rule in found):
        raise ExpectedError(
            f"The flow table lets no SSH from {jump_host.name} to {context.host.name}: "
            "its own firewall would shut this toolkit out.",
            hint="Add a flow: from management, to any-host, tcp, port 22.",
        )
    return found


def _comes_to(flow: Flow, address: IPv4Address) -> bool:
    return any(network and address in network for network in map(_network, flow.destination_prefixes))


def _network(prefix: str) -> IPv4Network | None:
    try:
        return IPv4Network(prefix)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None


def _sources(flow: Flow) -> tuple[str, ...]:
    sources = []
    for prefix in flow.source_prefixes:
        source = SERVICE_TAGS.get(prefix, prefix)
        if _network(source) is None:
            raise ExpectedError(f"Flow {flow.name}: {prefix!r} as source of a host's traffic is not known here.")
        if source == ANYWHERE:
            return ()
        sources.append(source)
    return tuple(sorted(set(sources)))


def _admits(rule: Rule, source: IPv4Address, port: int) -> bool:
    inside = not rule.sources or any(source in IPv4Network(prefix) for prefix in rule.sources)
    return rule.protocol == "tcp" and port in rule.ports and inside


def states(context: Context) -> list[State]:
    """Deny by default; in comes what the flow table allows to this host's address."""
    ruleset = render(
        "base/nftables.conf.j2", header=HEADER, rules=rules(context), address_space=context.inventory.address_space
    )
    package = Package(package="nftables", needs=apt.needs(context))
    firewall = Firewall(rules=ruleset[0], needs=(package.identity,))
    return [package, firewall, Unit(unit="nftables.service", needs=(package.identity, firewall.identity))]
