"""The emulated network: namespaces, bridges and rules, kept in line with what is declared."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from rehearsal.base import settings
from rehearsal.base.world import World
from rehearsal.network import links, places, ruleset, translation
from rehearsal.network.declared import DeclaredNetwork, Subnet, key
from rehearsal.network.nft_table import Table
from rehearsal.network.places import BORDER, HUB, INTERNET, RESIDENTS, ROUTER, TO_AZURE, TO_BORDER, TO_INTERNET


@dataclass(frozen=True)
class Attachment:
    """A namespace that is attached to a subnet."""

    namespace: str
    subnet: str
    address: IPv4Address


@dataclass
class EmulatedNetwork:
    """One world's network. Whoever reads or changes it holds ``lock``."""

    world: World
    declared: DeclaredNetwork = field(default_factory=DeclaredNetwork)
    attachments: dict[str, Attachment] = field(default_factory=dict)
    """By namespace."""
    released: set[IPv4Address] = field(default_factory=set)
    """Public addresses that were released: Azure assigns them to others, so they are not assigned again."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.rules = Table(self.world.namespaces, ROUTER, ruleset.FAMILY, ruleset.TABLE)
        self.translations = Table(self.world.namespaces, BORDER, translation.FAMILY, translation.TABLE)

    def start(self) -> None:
        """Create router, border and Internet with its residents, which exist before any resource."""
        spaces = self.world.namespaces
        with self.lock:
            for place in (ROUTER, BORDER, INTERNET):
                spaces.create(place)
            # Rules are in place before anything is forwarded.
            self.apply()
            for place in (ROUTER, BORDER, INTERNET):
                self._enable_forwarding(place)
            self._connect()
            for name, address in RESIDENTS.items():
                self._add_resident(name, address)

    def _enable_forwarding(self, place: str) -> None:
        spaces = self.world.namespaces
        # Groups apply to traffic inside a subnet too: bridged packets pass the forward chain (br_netfilter).
        spaces.sysctl(place, "net.bridge.bridge-nf-call-iptables", 1 if place == ROUTER else 0)
        for scope in ("all", "default"):
            # Azure stops spoofing: the router drops packets whose source does not belong to the subnet they come from.
            spaces.sysctl(place, f"net.ipv4.conf.{scope}.rp_filter", 1 if place == ROUTER else 0)
            spaces.sysctl(place, f"net.ipv4.conf.{scope}.send_redirects", 0)
            spaces.sysctl(place, f"net.ipv4.conf.{scope}.accept_redirects", 0)
        spaces.sysctl(place, "net.ipv4.ip_forward", 1)

    def _connect(self) -> None:
        spaces = self.world.namespaces
        router = links.End(ROUTER, TO_INTERNET, address=places.ROUTER_LINK, via=places.BORDER_AZURE_LINK.ip)
        links.ensure_pair(spaces, links.End(BORDER, TO_AZURE, address=places.BORDER_AZURE_LINK), router)
        hub = IPv4Interface(f"{settings.INTERNET_ROUTER}/{settings.INTERNET.prefixlen}")
        links.ensure_bridge(spaces, INTERNET, HUB, hub, places.mac_of(INTERNET))
        internet = links.End(INTERNET, TO_BORDER, address=places.INTERNET_LINK)
        links.ensure_pair(spaces, internet, links.End(BORDER, TO_INTERNET))
        platform = (settings.PLATFORM_DNS, settings.METADATA)
        links.batch(spaces, ROUTER, [f"addr replace {address}/32 dev lo" for address in platform])
        links.batch(
            spaces,
            BORDER,
            [
                f"addr replace {places.BORDER_INTERNET_LINK} dev {TO_INTERNET}",
                f"route replace default via {places.INTERNET_LINK.ip}",
                # An unassigned public address does not answer; without this route its packets would loop.
                f"route replace blackhole {settings.PUBLIC_ADDRESSES}",
                f"addr replace {places.DEFAULT_OUTBOUND}/32 dev {TO_INTERNET}",
            ],
        )
        links.batch(
            spaces,
            INTERNET,
            [
                f"route replace {settings.PUBLIC_ADDRESSES} via {places.BORDER_INTERNET_LINK.ip}",
                f"route replace {places.ROUTER_LINK.network} via {places.BORDER_INTERNET_LINK.ip}",
                # There is no other Internet: whoever asks for it gets an error, rather than having to wait.
                "route replace unreachable default metric 4278198272",
            ],
        )

    def _add_resident(self, name: str, address: IPv4Address) -> None:
        spaces = self.world.namespaces
        spaces.create(name)
        inside = IPv4Interface(f"{address}/{settings.INTERNET.prefixlen}")
        far = links.End(name, "eth0", address=inside, via=settings.INTERNET_ROUTER, mac=places.mac_of(name))
        links.ensure_pair(spaces, links.End(INTERNET, places.port_of(name), master=HUB), far)

    def apply(self) -> None:
        """Replace both rulesets by those for what is declared now."""
        self.rules.apply(ruleset.render(self.declared))
        self.translations.apply(translation.render(self.declared))

    def route(self) -> None:
        """Give the border routes to every virtual network's addresses, and to no others inside."""
        spaces = self.world.namespaces
        listing = spaces.run(BORDER, ["ip", "-json", "route", "show", "via", str(places.ROUTER_LINK.ip)])
        there = {item["dst"] for item in json.loads(listing or "[]")}
        wanted = {str(prefix) for network in self.declared.networks.values() for prefix in network.prefixes}
        lines = [f"route delete {prefix}" for prefix in sorted(there - wanted)]
        lines += [f"route add {prefix} via {places.ROUTER_LINK.ip}" for prefix in sorted(wanted - there)]
        links.batch(spaces, BORDER, lines)

    def ensure_subnet(self, subnet: Subnet) -> None:
        """Create the subnet's bridge with its gateway, and connect everything that is attached to the subnet."""
        address = IPv4Interface(f"{subnet.gateway}/{subnet.prefix.prefixlen}")
        links.ensure_bridge(self.world.namespaces, ROUTER, places.bridge_of(subnet.id), address, places.GATEWAY_MAC)
        for attachment in self.attachments.values():
            if attachment.subnet == subnet.id:
                self.ensure_attachment(attachment)

    def ensure_attachment(self, attachment: Attachment) -> None:
        """Create the namespace with its eth0; it is connected to its subnet as soon as that exists."""
        spaces, namespace = self.world.namespaces, attachment.namespace
        self.attachments[namespace] = attachment
        spaces.create(namespace)
        near = links.End(ROUTER, places.port_of(namespace))
        far = links.End(namespace, "eth0", mac=places.mac_of(namespace))
        if subnet := self.declared.subnets.get(attachment.subnet):
            address = IPv4Interface(f"{attachment.address}/{subnet.prefix.prefixlen}")
            near = replace(near, master=places.bridge_of(subnet.id))
            far = replace(far, address=address, via=subnet.gateway)
        links.ensure_pair(spaces, near, far)

    def remove_attachment(self, namespace: str) -> None:
        self.attachments.pop(namespace, None)
        port = places.port_of(namespace)
        links.remove(self.world.namespaces, ROUTER, port)
        self.world.namespaces.delete(namespace)

    def remove_link(self, place: str, name: str) -> None:
        """Remove an interface, if it exists."""
        links.remove(self.world.namespaces, place, name)

    def address_in_use(self, address: IPv4Address, subnet: str, but: str) -> str | None:
        """The namespace, other than ``but``, that has this address in the subnet."""
        for attachment in self.attachments.values():
            if (attachment.address, attachment.subnet) == (address, subnet) and attachment.namespace != but:
                return attachment.namespace
        return None

    def subnet(self, identifier: str) -> Subnet | None:
        return self.declared.subnets.get(key(identifier))


_networks: dict[Path, EmulatedNetwork] = {}
_making = threading.Lock()


def emulated_network(world: World) -> EmulatedNetwork:
    """The world's network; there is one per state folder."""
    with _making:
        return _networks.setdefault(world.settings.state, EmulatedNetwork(world))
