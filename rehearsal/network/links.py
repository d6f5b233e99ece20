"""Bridges, links and addresses inside namespaces: observed with `ip -json`, changed with `ip -batch`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from rehearsal.base.namespaces import NamespaceError, Namespaces


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
    """Run `ip` commands in a namespace, up to the first that fails."""
    text = "".join(f"{line}\n" for line in lines)
    if text:
        namespaces.run(place, ["ip", "-batch", "-"], input=text)


def ensure_bridge(namespaces: Namespaces, place: str, bridge: str, address: IPv4Interface, mac: str) -> None:
    """Have a bridge that is up and has this address only."""
    link = observe(namespaces, place).get(bridge)
    lines = [] if link else [f"link add {bridge} address {mac} type bridge forward_delay 0"]
    lines += _only_address(bridge, address, link)
    batch(namespaces, place, [*lines, f"link set {bridge} up"])


@dataclass(frozen=True)
class End:
    """One end of a pair of linked interfaces, as it is to be."""

    place: str
    """Its namespace."""
    name: str
    master: str | None = None
    """The bridge that it is attached to; None leaves that as it is."""
    address: IPv4Interface | None = None
    """Its only address; None leaves its addresses as they are."""
    via: IPv4Address | None = None
    """Next hop of its namespace's default route; None leaves that as it is."""
    mac: str | None = None


def remove(namespaces: Namespaces, place: str, name: str) -> None:
    """Delete an interface, if it exists: one whose peer's namespace was deleted vanishes by itself a moment later."""
    if name not in observe(namespaces, place):
        return
    try:
        batch(namespaces, place, [f"link delete {name}"])
    except NamespaceError:
        if name in observe(namespaces, place):
            raise


def ensure_pair(namespaces: Namespaces, near: End, far: End) -> None:
    """Have two linked interfaces, both up, each as it is to be."""
    ends = (near, far)
    links = [observe(namespaces, end.place).get(end.name) for end in ends]
    lines: list[list[str]] = [[], []]
    if None in links:
        # An end whose peer is gone, together with its namespace, cannot be linked again.
        for end, link in zip(ends, links, strict=True):
            if link is not None:
                remove(namespaces, end.place, end.name)
        links = [None, None]
        # The far end is created in its own namespace, so that its name cannot clash with one in the near namespace.
        near_mac, far_mac = (f" address {end.mac}" if end.mac else "" for end in ends)
        lines[0] = [f"link add {near.name}{near_mac} type veth peer name {far.name}{far_mac} netns {far.place}"]
    for end, link, wanted in zip(ends, links, lines, strict=True):
        wanted += _as_wanted(end, link)
        batch(namespaces, end.place, wanted)


def _as_wanted(end: End, link: Link | None) -> list[str]:
    lines = [] if link and link.up else [f"link set {end.name} up"]
    if end.master and not (link and link.master == end.master):
        lines.append(f"link set {end.name} master {end.master}")
    if end.address:
        lines += _only_address(end.name, end.address, link)
    if end.via:
        lines.append(f"route replace default via {end.via}")
    return lines


def _only_address(name: str, address: IPv4Interface, link: Link | None) -> list[str]:
    there = link.addresses if link else frozenset()
    lines = [f"addr delete {other} dev {name}" for other in sorted(there - {address})]
    return lines if address in there else [*lines, f"addr add {address} dev {name}"]
