"""Bridges, links and addresses inside namespaces: observed with `ip -json`, made so with `ip -batch`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from rehearsal.network.namespaces import Namespaces


@dataclass(frozen=True)
class Link:
    """An interface as the kernel has it."""

    name: str
    addresses: frozenset[IPv4Interface]
    master: str | None
    mac: str
    up: bool


def observe(namespaces: Namespaces, place: str) -> dict[str, Link]:
    """The interfaces of a namespace by name."""
    documents = json.loads(namespaces.run(place, ["ip", "-json", "addr", "show"]))
    return {
        item["ifname"]: Link(
            name=item["ifname"],
            addresses=frozenset(
                IPv4Interface(f"{address['local']}/{address['prefixlen']}")
                for address in item.get("addr_info", [])
                if address.get("family") == "inet"
            ),
            master=item.get("master"),
            mac=item.get("address", ""),
            up="UP" in item.get("flags", []),
        )
        for item in documents
    }


def batch(namespaces: Namespaces, place: str, lines: Iterable[str]) -> None:
    """Run lines of `ip` in a namespace; the first that fails ends it."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        namespaces.run(place, ["ip", "-batch", "-"], input=text)


def ensure_bridge(namespaces: Namespaces, place: str, bridge: str, address: IPv4Interface, mac: str) -> None:
    """A bridge with this one address, up."""
    link = observe(namespaces, place).get(bridge)
    lines = [] if link else [f"link add {bridge} address {mac} type bridge forward_delay 0"]
    lines += _only_address(bridge, address, link)
    batch(namespaces, place, [*lines, f"link set {bridge} up"])


def ensure_pair(namespaces: Namespaces, place: str, here: str, other: str, there: str, mac: str | None = None) -> None:
    """A link from interface ``here`` of ``place`` to interface ``there`` of ``other``, both up."""
    near, far = observe(namespaces, place).get(here), observe(namespaces, other).get(there)
    if near is None or far is None:
        # Half a link is none: an end whose peer went with its namespace cannot be joined again.
        if near is not None:
            batch(namespaces, place, [f"link delete {here}"])
        if far is not None:
            batch(namespaces, other, [f"link delete {there}"])
        # The far end is made inside its namespace from the start, so its name never meets one of this namespace.
        with_mac = f" address {mac}" if mac else ""
        batch(namespaces, place, [f"link add {here} type veth peer name {there}{with_mac} netns {other}"])
    batch(namespaces, place, [f"link set {here} up"])
    batch(namespaces, other, [f"link set {there} up"])


def ensure_address(namespaces: Namespaces, place: str, name: str, address: IPv4Interface, via: IPv4Address) -> None:
    """The interface has this one address, and the namespace's default route goes to ``via``."""
    link = observe(namespaces, place).get(name)
    batch(namespaces, place, [*_only_address(name, address, link), f"route replace default via {via}"])


def _only_address(name: str, address: IPv4Interface, link: Link | None) -> list[str]:
    there = link.addresses if link else frozenset()
    lines = [f"addr delete {other} dev {name}" for other in sorted(there - {address})]
    return lines if address in there else [*lines, f"addr add {address} dev {name}"]
