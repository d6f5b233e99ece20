"""Handlers of public and private zones, their record sets, and the links of private zones to networks.

`get` asks the server itself, so a record that was deleted by hand shows as deleted. By hand it is deleted so, in the
server's container (``public-dns``, or ``private-dns`` for private zones)::

    knotc zone-begin mobil.livegang.test
    knotc zone-unset mobil.livegang.test ambulant A
    knotc zone-commit mobil.livegang.test

The next `put` of anything in that zone reloads the zone from what is declared, and so repairs it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from rehearsal.base.handler import HandlerError, Log, Properties
from rehearsal.dns.records import RecordSet as Records
from rehearsal.dns.records import difference, from_properties
from rehearsal.dns.resolver import Resolver
from rehearsal.dns.server import ZoneServer


@dataclass(frozen=True)
class Names:
    """What an id below ``dnsZones`` or ``privateDnsZones`` says."""

    zone: str
    kind: str = ""
    """Record type, or ``VIRTUALNETWORKLINKS``."""
    name: str = ""


def names_of(identifier: str) -> Names:
    """Zone, record type and relative name, in the case in which they are compared."""
    parts = identifier.split("/")
    lowered = [part.lower() for part in parts]
    for word in ("dnszones", "privatednszones"):
        if word in lowered:
            zone, *rest = parts[lowered.index(word) + 1 :]
            kind, name = rest if len(rest) == 2 else ("", "")
            return Names(zone.lower(), kind.upper(), name.lower())
    raise HandlerError(f"{identifier} is not the id of a DNS zone, record set or link.")


class Zone:
    """A zone of its server."""

    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._server.add(names_of(identifier).zone)
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {} if self._server.ask(names_of(identifier).zone, "@", "SOA") else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        self._server.remove(names_of(identifier).zone)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)


class RecordSet:
    """A record set of a zone."""

    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._server.put(names_of(identifier).zone, _wanted(identifier, properties))
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        names = names_of(identifier)
        seen = self._server.ask(names.zone, names.name, names.kind)
        return difference(_wanted(identifier, properties), seen) if seen else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        names = names_of(identifier)
        self._server.take(names.zone, names.name, names.kind)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)


class VirtualNetworkLink:
    """A private zone is answered in the virtual networks that are linked to it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._lock = threading.Lock()

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        if properties.get("registrationEnabled"):
            log(f"{identifier.rsplit('/', 1)[-1]}: registrationEnabled is recorded only; no host's name is registered")
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


def _wanted(identifier: str, properties: Properties) -> Records:
    names = names_of(identifier)
    return from_properties(identifier, names.name, names.kind, properties)
