"""The border's nftables ruleset: public addresses inward, NAT gateways outward, and nothing without translation."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from rehearsal.network.declared import DeclaredNetwork, InboundRule, Subnet
from rehearsal.network.places import DEFAULT_OUTBOUND, ROUTER_LINK, TO_AZURE, TO_INTERNET

FAMILY, TABLE = "ip", "border"
INWARD, OUTWARD = "prerouting", "postrouting"


def render(declared: DeclaredNetwork) -> str:
    """The content of table ``ip border``, between its braces."""
    outbound = list(_outbound(declared))
    return "\n".join(
        [
            _chain(INWARD, ["type nat hook prerouting priority dstnat; policy accept;", *_inward(declared)]),
            _chain(
                OUTWARD, ["type nat hook postrouting priority srcnat; policy accept;", *(rule for _, rule in outbound)]
            ),
            _chain("forward", _forward([source for source, _ in outbound])),
            # A public address that is not forwarded anywhere does not answer.
            _chain("input", ["type filter hook input priority filter; policy drop;", "ct state established accept"]),
        ]
    )


def _chain(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"chain {name} {{", *(f"  {line}" for line in lines), "}"])


def _forward(sources: list[str]) -> list[str]:
    lines = [
        "type filter hook forward priority filter; policy drop;",
        "ct state established,related accept",
        "ct state invalid drop",
        f'iifname {TO_AZURE} ip saddr {ROUTER_LINK.ip} accept comment "platform"',
        f'iifname {TO_INTERNET} oifname {TO_AZURE} ct status dnat counter accept comment "inward"',
    ]
    # NAT gateways translate TCP and UDP only: out to the Internet, or back in by one of the network's public addresses.
    for source in sources:
        outward = f"iifname {TO_AZURE} ip saddr {source} meta l4proto {{ tcp, udp }}"
        lines += [f"{outward} oifname {TO_INTERNET} accept", f"{outward} oifname {TO_AZURE} ct status dnat accept"]
    return [*lines, 'counter drop comment "no-outbound-access"']


def _inward(declared: DeclaredNetwork) -> Iterable[str]:
    for balancer in sorted(declared.load_balancers.values(), key=lambda balancer: balancer.name):
        for rule in balancer.rules:
            public = declared.public_addresses.get(rule.public_address)
            inside = target_of(declared, rule)
            if public is None or inside is None:
                continue
            for protocol in rule.protocols:
                yield (
                    f"ip daddr {public} {protocol} dport {rule.frontend_port} counter "
                    f'dnat to {inside}:{rule.backend_port} comment "{balancer.name}/{rule.name}"'
                )
    for publication in sorted(declared.publications.values(), key=lambda publication: publication.name):
        public = declared.public_addresses.get(publication.public_address)
        if public is not None:
            ports = f" tcp dport {{ {', '.join(map(str, publication.ports))} }}" if publication.ports else ""
            inside = publication.private_address
            yield f'ip daddr {public}{ports} counter dnat to {inside} comment "{publication.name}/published"'
    for interface in declared.interfaces.values():
        public = declared.public_addresses.get(interface.public_address or "")
        if public is not None and interface.address is not None:
            yield f'ip daddr {public} counter dnat to {interface.address} comment "{interface.name}/own-address"'


def target_of(declared: DeclaredNetwork, rule: InboundRule) -> IPv4Address | None:
    """The address of the interface that a load balancer's inbound rule forwards to; None if no interface names it."""
    for interface in declared.interfaces.values():
        if rule.id in interface.inbound_rules:
            return interface.address
    return None


def _outbound(declared: DeclaredNetwork) -> Iterable[tuple[str, str]]:
    """Source prefixes with their rules: a NAT gateway goes before an own address, that before Azure's default."""
    for subnet in sorted(declared.subnets.values(), key=lambda subnet: subnet.name):
        owned = [] if subnet.nat else list(_own_addresses(declared, subnet))
        for address, public, name in owned:
            yield str(address), f'ip saddr {address} counter snat to {public} comment "{name}/own-address"'
        publics = _publics(declared, subnet)
        if publics:
            yield str(subnet.prefix), f'ip saddr {subnet.prefix} counter {_snat(publics)} comment "{subnet.name}/nat"'


def _own_addresses(declared: DeclaredNetwork, subnet: Subnet) -> Iterable[tuple[IPv4Address, IPv4Address, str]]:
    """Private and public address, with a name, of what goes out by its own address: gateways, interfaces."""
    owned = [(item.private_address, item.public_address, item.name) for item in declared.publications.values()]
    owned += [
        (item.address, item.public_address, item.name)
        for item in declared.interfaces.values()
        if item.address is not None and item.public_address is not None
    ]
    for inside, identifier, name in owned:
        if inside in subnet.prefix and identifier in declared.public_addresses:
            yield inside, declared.public_addresses[identifier], name


def _publics(declared: DeclaredNetwork, subnet: Subnet) -> list[IPv4Address]:
    if subnet.nat:
        gateway = declared.nat_gateways.get(subnet.nat)
        named = gateway.public_addresses if gateway else ()
        return [declared.public_addresses[item] for item in named if item in declared.public_addresses]
    return [DEFAULT_OUTBOUND] if subnet.default_outbound else []


def _snat(publics: list[IPv4Address]) -> str:
    if len(publics) == 1:
        return f"snat to {publics[0]}"
    choices = ", ".join(f"{index} : {address}" for index, address in enumerate(publics))
    return f"snat to jhash ip saddr . ip daddr mod {len(publics)} map {{ {choices} }}"
