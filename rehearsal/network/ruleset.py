"""The router's nftables ruleset, rendered from the declared network: network security groups as Azure applies them.

A packet goes through four stages, each a chain that leads on to the next: its source's interface and subnet (outbound),
then its destination's subnet and interface (inbound). In each stage a group's rules are in a chain of their own, by
priority; the first that matches either leads to the next stage or drops. Only the last stage accepts, and a packet that
reaches the end of any chain meets the base chain's policy, drop: a missing rule can close something, but never open it.
Packets of established connections pass before all that: removing a rule does not cut them, in Azure as here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from typing import Literal

from rehearsal.base import settings
from rehearsal.network.declared import DeclaredNetwork
from rehearsal.network.places import TO_INTERNET
from rehearsal.network.security import TAGS, Direction, SecurityGroup, SecurityRule

FAMILY, TABLE = "inet", "azure"

NOT_INTERNET = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")]
NOT_INTERNET += [IPv4Network(settings.PLATFORM_DNS), IPv4Network("127.0.0.0/8")]
"""What the tag Internet excludes in addition to the virtual network itself."""


@dataclass(frozen=True)
class Stage:
    name: str
    direction: Direction
    onward: str
    """The nftables statement of a rule that allows."""
    of: Literal["interface", "subnet"]


STAGES = (
    Stage("interface-outbound", "Outbound", "goto subnet-outbound", "interface"),
    Stage("subnet-outbound", "Outbound", "goto subnet-inbound", "subnet"),
    Stage("subnet-inbound", "Inbound", "goto interface-inbound", "subnet"),
    Stage("interface-inbound", "Inbound", "accept", "interface"),
)
PLATFORM = "platform"


def chain_of(stage: str, group: str) -> str:
    """The chain of a group's rules in a stage."""
    return f"{stage}.{group}"


def chains_of(group: str) -> set[str]:
    """Every chain that may contain a group's rules."""
    return {chain_of(stage, group) for stage in (*(stage.name for stage in STAGES), PLATFORM)}


def render(declared: DeclaredNetwork) -> str:
    """The content of table ``inet azure``, between its braces."""
    blocks = [*_tags(), _forward(), *(_dispatch(stage, declared) for stage in STAGES)]
    blocks += [_group(stage, group, declared) for group in _sorted(declared) for stage in STAGES]
    blocks += [_platform_group(group, declared) for group in _sorted(declared)]
    blocks += [_input(), _platform(declared)]
    return "\n".join(block for block in blocks if block)


def _sorted(declared: DeclaredNetwork) -> list[SecurityGroup]:
    return sorted(declared.groups.values(), key=lambda group: group.name)


def _tags() -> Iterable[str]:
    for name, prefixes in sorted(TAGS.items()):
        elements = f"elements = {{ {', '.join(prefixes)} }}" if prefixes else ""
        yield f"set {name} {{ type ipv4_addr; flags interval; {elements} }}"


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"chain {name} {{", *(f"  {line}" for line in lines), "}"])


def _forward() -> str:
    return _chain(
        "forward",
        [
            "type filter hook forward priority filter; policy drop;",
            'ct state established,related counter accept comment "established"',
            'ct state invalid counter drop comment "invalid"',
            'meta nfproto != ipv4 counter drop comment "not-ipv4"',
            "goto interface-outbound",
        ],
    )


def _dispatch(stage: Stage, declared: DeclaredNetwork) -> str:
    """A stage's chain: to the group of a packet's interface or subnet, or onward if it has none."""
    address, direction = ("saddr", "outbound") if stage.direction == "Outbound" else ("daddr", "inbound")
    lines = []
    for member, where, group in _grouped(declared, stage.of):
        lines.append(f'ip {address} {where} goto {chain_of(stage.name, group.name)} comment "{member}/{direction}"')
    if stage.name == "interface-inbound":
        lines += _closed_by_default(declared)
    return _chain(stage.name, [*lines, f'{stage.onward} comment "onward"'])


def _grouped(declared: DeclaredNetwork, level: Literal["interface", "subnet"]) -> list[tuple[str, str, SecurityGroup]]:
    """Name, address and group of every interface or subnet that a group applies to, by name."""
    members: list[tuple[str, str | None, str | None]] = [
        (item.name, str(item.address) if item.address else None, item.group) for item in declared.interfaces.values()
    ]
    if level == "subnet":
        members = [(item.name, str(item.prefix), item.group) for item in declared.subnets.values()]
    known = declared.groups
    return sorted(
        ((name, where, known[group]) for name, where, group in members if where and group in known),
        key=lambda member: member[0],
    )


def _closed_by_default(declared: DeclaredNetwork) -> Iterable[str]:
    """Through a Standard public address nothing reaches an interface that no group applies to."""
    for interface in sorted(declared.interfaces.values(), key=lambda interface: interface.name):
        subnet = declared.subnets.get(interface.subnet)
        grouped = interface.group in declared.groups or (subnet is not None and subnet.group in declared.groups)
        if not grouped and interface.address is not None:
            match = f"iifname {TO_INTERNET} ip daddr {interface.address}"
            yield f'{match} counter drop comment "{interface.name}/closed-without-group"'


def _group(stage: Stage, group: SecurityGroup, declared: DeclaredNetwork) -> str:
    """A group's chain in a stage; empty for the interfaces' stages if the group applies to no interface."""
    if stage.of == "interface" and all(item.group != group.id for item in declared.interfaces.values()):
        return ""
    space = declared.space_of(group.id)
    rules = [rule for rule in group.rules_for(stage.direction) if rule.platform is None]
    return _chain(chain_of(stage.name, group.name), (_rule(group, rule, stage.onward, space) for rule in rules))


def _platform_group(group: SecurityGroup, declared: DeclaredNetwork) -> str:
    rules = [rule for rule in group.rules_for("Outbound") if rule.platform is not None]
    if not rules:
        return ""
    space = declared.space_of(group.id)
    return _chain(chain_of(PLATFORM, group.name), (_rule(group, rule, "return", space) for rule in rules))


def _input() -> str:
    """What the router itself answers: Azure's resolver and metadata service, and nothing else, not even a ping."""
    return _chain(
        "input",
        [
            "type filter hook input priority filter; policy drop;",
            "iifname lo accept",
            "ct state established,related accept",
            f"ip daddr {settings.PLATFORM_DNS} meta l4proto {{ tcp, udp }} th dport 53 goto {PLATFORM}",
            f"ip daddr {settings.METADATA} tcp dport 80 goto {PLATFORM}",
            'counter drop comment "denied"',
        ],
    )


def _platform(declared: DeclaredNetwork) -> str:
    lines = [f"iifname {TO_INTERNET} drop"]
    for member, where, group in (*_grouped(declared, "interface"), *_grouped(declared, "subnet")):
        if any(rule.platform for rule in group.rules_for("Outbound")):
            lines.append(f'ip saddr {where} jump {chain_of(PLATFORM, group.name)} comment "{member}/platform"')
    return _chain(PLATFORM, [*lines, "accept"])


def _rule(group: SecurityGroup, rule: SecurityRule, onward: str, space: list[IPv4Network]) -> str:
    parts = [
        _addresses("saddr", rule.sources, space),
        _addresses("daddr", (rule.platform,) if rule.platform else rule.destinations, space),
        *_protocol(rule),
        "counter",
        onward if rule.allow else "drop",
        f'comment "{comment_of(group.name, rule.name)}"',
    ]
    return " ".join(part for part in parts if part)


def comment_of(group: str, rule: str) -> str:
    """The comment by which a rule is found in the ruleset; the kernel keeps 127 characters."""
    return f"{group}/{rule}" if len(group) + len(rule) < 127 else f"{group[:46]}/{rule}"


def _addresses(side: str, prefixes: tuple[str, ...], space: list[IPv4Network]) -> str:
    if not prefixes:
        return ""
    if prefixes == ("Internet",):
        return f"ip {side} != {_set(collapse_addresses([*space, *NOT_INTERNET]))}"
    if prefixes == ("VirtualNetwork",):
        # Before any virtual network exists, a group has none to match.
        return f"ip {side} {_set(collapse_addresses(space or [IPv4Network('255.255.255.255/32')]))}"
    if prefixes[0] in TAGS:
        return f"ip {side} @{prefixes[0]}"
    return f"ip {side} {_set(collapse_addresses(IPv4Network(prefix, strict=False) for prefix in prefixes))}"


def _protocol(rule: SecurityRule) -> Iterable[str]:
    ports = [f"sport {_set(rule.source_ports)}"] if rule.source_ports else []
    ports += [f"dport {_set(rule.destination_ports)}"] if rule.destination_ports else []
    if rule.protocol in ("tcp", "udp"):
        return [f"{rule.protocol} {port}" for port in ports] or [f"meta l4proto {rule.protocol}"]
    if rule.protocol == "*":
        return ["meta l4proto { tcp, udp }", *(f"th {port}" for port in ports)] if ports else []
    return [f"meta l4proto {rule.protocol}"]


def _set(items: Iterable[object]) -> str:
    return f"{{ {', '.join(str(item) for item in items)} }}"
