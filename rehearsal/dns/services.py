"""The three DNS services of a rehearsal: made, started, and given the names that no stack declares."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from rehearsal.base import settings
from rehearsal.base.world import World
from rehearsal.dns.records import RecordSet
from rehearsal.dns.resolver import Resolver
from rehearsal.dns.server import NAME_SERVER, Zone, ZoneServer

PACKAGES = "packages.livegang.test"
PRIVATE_ADDRESS, PRIVATE_PORT = IPv4Address("127.0.0.1"), 5353


@dataclass(frozen=True)
class Servers:
    """The DNS services of one world."""

    public: ZoneServer
    private: ZoneServer
    resolver: Resolver


_servers: dict[Path, Servers] = {}
_making = threading.Lock()


def servers(world: World) -> Servers:
    """The world's DNS services; there is one of each per state folder."""
    with _making:
        if world.settings.state not in _servers:
            _servers[world.settings.state] = Servers(
                ZoneServer(world, "public-dns", "public-dns", settings.PUBLIC_DNS, 53),
                ZoneServer(world, "private-dns", "router", PRIVATE_ADDRESS, PRIVATE_PORT),
                Resolver(world, str(PRIVATE_ADDRESS), PRIVATE_PORT),
            )
        return _servers[world.settings.state]


def start(world: World) -> None:
    """Start the three services; returns when they answer."""
    found = servers(world)
    with ThreadPoolExecutor(2) as pool:
        public = pool.submit(found.public.start, internet_zones())
        # It has a root zone too, so that it can be asked whether it serves at all.
        found.private.start([_zone(".")])
        public.result()
    found.resolver.start()


def internet_zones() -> list[Zone]:
    """The names on the rehearsal's Internet that no stack declares.

    Each is in a zone of its own, so that it still resolves if a stack declares a zone above it.
    """
    return [
        _zone(".", (NAME_SERVER.rstrip("."), settings.PUBLIC_DNS)),
        _zone(PACKAGES, ("@", settings.PACKAGE_SERVER)),
        _zone("vault.azure.net", ("*", settings.KEY_VAULT)),
    ]


def _zone(name: str, *addresses: tuple[str, IPv4Address]) -> Zone:
    sets = [RecordSet(host, "A", 60, (str(address),)) for host, address in addresses]
    return Zone(name, {(record.name, record.type): record for record in sets})
