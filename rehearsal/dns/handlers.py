"""Handlers of public and private zones, their record sets, and the links of private zones to networks.

`get` queries the server itself, so it finds a record that was deleted by hand. This is how to delete one by hand, in
the server's container (``public-dns``, or ``private-dns`` for private zones)::

    knotc zone-begin mobil.livegang.test
    knotc zone-unset mobil.livegang.test ambulant A
    knotc zone-commit mobil.livegang.test

The next `put` of anything in that zone loads the zone as it is declared, and so repairs it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rehearsal.base.handler import Handler, HandlerError, Log, Properties
from rehearsal.base.world import World
from rehearsal.dns.records import RecordSet, difference, from_properties
from rehearsal.dns.resolver import Resolver
from rehearsal.dns.server import ZoneServer
from rehearsal.dns.services import servers


def by_token(world: World) -> dict[str, Handler]:
    """The DNS family's handlers by Pulumi token."""
    found = servers(world)
    return {
        "azure-native:dns:Zone": ZoneHandler(found.public),
        "azure-native:dns:RecordSet": RecordSetHandler(found.public),
        "azure-native:privatedns:PrivateZone": ZoneHandler(found.private),
        "azure-native:privatedns:PrivateRecordSet": RecordSetHandler(found.private),
        "azure-native:privatedns:VirtualNetworkLink": VirtualNetworkLinkHandler(found.resolver),
    }


@dataclass(frozen=True)
class Names:
    """The names in an id below ``dnsZones`` or ``privateDnsZones``."""

    zone: str
    kind: str = ""
    """Record type, or ``VIRTUALNETWORKLINKS``."""
    name: str = ""


def names_of(identifier: str) -> Names:
    """Zone, record type and relative name of a resource, in the case in which they are compared."""
    parts = identifier.split("/")
    lowered = [part.lower() for part in parts]
    for word in ("dnszones", "privatednszones"):
        if word in lowered:
            zone, *rest = parts[lowered.index(word) + 1 :]
            kind, name = rest if len(rest) == 2 else ("", "")
            return Names(zone.lower(), kind.upper(), name.lower())
    raise HandlerError(f"{identifier} is not the id of a DNS zone, record set or link.")


class ZoneHandler:
    """A zone of a server."""

    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._server.add(names_of(identifier).zone)
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {} if self._server.query(names_of(identifier).zone, "@", "SOA") else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        self._server.remove(names_of(identifier).zone)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)


class RecordSetHandler:
    """A record set in a server's zone."""

    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._server.put(names_of(identifier).zone, _wanted(identifier, properties))
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        names = names_of(identifier)
        seen = self._server.query(names.zone, names.name, names.kind)
        return difference(_wanted(identifier, properties), seen) if seen else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        names = names_of(identifier)
        self._server.remove_records(names.zone, names.name, names.kind)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)


class VirtualNetworkLinkHandler:
    """A link, by which a private zone resolves in a virtual network."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._lock = threading.Lock()

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        if properties.get("registrationEnabled"):
            log(f"{identifier.rsplit('/', 1)[-1]}: registrationEnabled is recorded only; no host names are registered")
        with self._lock:
            self._resolver.link(identifier, names_of(identifier).zone)
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {} if self._resolver.answers(names_of(identifier).zone) else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        with self._lock:
            self._resolver.unlink(identifier)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)


def _wanted(identifier: str, properties: Properties) -> RecordSet:
    names = names_of(identifier)
    return from_properties(identifier, names.name, names.kind, properties)
