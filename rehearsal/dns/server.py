"""A knot server in a service container: it serves the zones that the handlers fill, and can be queried for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from operator import not_
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rrset

from console.waiting import wait_until
from rehearsal.base import templating
from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.dns.records import RecordSet, from_answer

NAME_SERVER = "ns1.livegang-rehearsal.test."
CONFIGURATION = "/etc/knot/knot.conf"
ZONES = "/etc/knot/zones"
_KNOT = Path(__file__).with_name("templates") / "knot.conf.j2"
START_SECONDS = 30.0
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.1
"""How long one query waits while a server starts: one that is sent before it listens is never answered."""


@dataclass
class Zone:
    """A zone's records, except for its SOA and NS records."""

    name: str
    """Without the dot at its end; the root is ``.``."""
    records: dict[tuple[str, str], RecordSet] = field(default_factory=dict)
    """By relative name and type."""
    serial: int = 0

    @property
    def file(self) -> str:
        return f"{ZONES}/{'root' if self.name == '.' else self.name}.zone"

    def full_name(self, relative: str) -> str:
        parts = [part for part in (relative, self.name) if part not in ("@", ".")]
        return f"{'.'.join(parts)}."

    def render(self) -> str:
        """The zone file. Its serial grows with every call, beyond any that a change by hand may have set."""
        self.serial = max(self.serial + 1, int(time.time()))
        lines = [
            f"$ORIGIN {self.full_name('@')}",
            "$TTL 3600",
            f"@ IN SOA {NAME_SERVER} hostmaster.{NAME_SERVER.partition('.')[2]} {self.serial} 3600 600 86400 60",
            f"@ IN NS {NAME_SERVER}",
        ]
        for _, record_set in sorted(self.records.items()):
            lines += record_set.lines()
        return "\n".join(lines) + "\n"


class ZoneServer:
    """One server and its zones. Methods may be called from several threads."""

    def __init__(self, world: World, name: str, namespace: str, address: IPv4Address, port: int) -> None:
        self._world = world
        self.name = name
        """Of its container."""
        self._namespace = namespace
        self._address = address
        self._port = port
        self._zones: dict[str, Zone] = {}
        self._lock = threading.RLock()

    def start(self, zones: list[Zone]) -> None:
        """Serve ``zones``, at least one; returns when it answers. Raises HandlerError with the end of its log."""
        with self._lock:
            self._zones = {zone.name: zone for zone in zones}
            files = {CONFIGURATION: self._configuration(), **{zone.file: zone.render() for zone in zones}}
            # /run is empty at the start, and knot does not create its folder there.
            command = f"mkdir -p /run/knot && exec knotd --config={CONFIGURATION}"
            self._world.containers.start(self.name, self._namespace, ["/bin/sh", "-c", command], files=files)
            self._wait_until_served(zones[0].name)

    def zone(self, name: str) -> Zone | None:
        with self._lock:
            return self._zones.get(name.lower())

    def add(self, name: str) -> None:
        """Serve a zone; one that is served already keeps its records, and is loaded again."""
        with self._lock:
            zone = self._zones.setdefault(name.lower(), Zone(name.lower()))
            self._write({CONFIGURATION: self._configuration(), zone.file: zone.render()})
            self._control("reload")
            self._wait_until_served(zone.name)

    def remove(self, name: str) -> None:
        """Stop serving a zone."""
        with self._lock:
            if self._zones.pop(name.lower(), None) is not None:
                self._write({CONFIGURATION: self._configuration()})
                self._control("reload")

    def put(self, zone_name: str, record_set: RecordSet) -> None:
        """Serve a record set in place of any of its name and type. Raises HandlerError if the server rejects it."""
        with self._lock:
            zone = self._zones.get(zone_name.lower())
            if zone is None:
                raise HandlerError(
                    f"ParentResourceNotFound: there is no zone {zone_name} for {record_set.name} {record_set.type}."
                )
            place = (record_set.name, record_set.type)
            before = zone.records.get(place)
            zone.records[place] = record_set
            try:
                self._load(zone)
            except HandlerError:
                # While a zone file is rejected, no later change of the zone would be served.
                del zone.records[place]
                if before is not None:
                    zone.records[place] = before
                self._load(zone)
                raise

    def remove_records(self, zone_name: str, name: str, type: str) -> None:
        """Stop serving a record set, if it is served."""
        with self._lock:
            zone = self._zones.get(zone_name.lower())
            if zone is not None and zone.records.pop((name.lower(), type), None) is not None:
                self._load(zone)

    def query(self, zone_name: str, name: str, type: str) -> RecordSet | None:
        """The server's answer to a real query from its own namespace; None if it has no such records."""
        self._ensure_alive()
        return self._query(zone_name, name, type, ANSWER_SECONDS)

    def _query(self, zone_name: str, name: str, type: str, seconds: float) -> RecordSet | None:
        full_name = Zone(zone_name.lower()).full_name(name)
        answer = query(self._world, self._namespace, (self._address, self._port), full_name, type, seconds)
        return from_answer(name, answer) if answer is not None else None

    def _load(self, zone: Zone) -> None:
        self._write({zone.file: zone.render()})
        try:
            self._control("zone-reload", zone.full_name("@"))
        except HandlerError as error:
            raise HandlerError(
                f"{self.name} rejects zone {zone.name}: {error}\n{self._world.containers.log_end(self.name, 5)}"
            ) from error

    def _write(self, files: Mapping[str, str]) -> None:
        self._ensure_alive()
        self._world.containers.write(self.name, files)

    def _ensure_alive(self) -> None:
        """Start a server that was killed again, with all its records: Azure's would not be gone either."""
        with self._lock:
            if not self._world.containers.alive(self.name):
                self._world.log(
                    f"{self.name} ended unexpectedly; the end of its log:\n"
                    f"{self._world.containers.log_end(self.name, 5)}"
                )
                self._world.containers.restart(self.name)
                self._wait_until_served(next(iter(self._zones)))

    def _control(self, *words: str) -> None:
        self._world.containers.run(self.name, ["knotc", f"--config={CONFIGURATION}", "--blocking", *words])

    def _wait_until_served(self, zone: str) -> None:
        if reason := wait_until(lambda: self._not_serving(zone), START_SECONDS, done=not_):
            raise HandlerError(
                f"The DNS server {self.name} does not serve {zone} after {START_SECONDS:.0f} s: {reason}\n"
                + self._world.containers.log_end(self.name)
            )

    def _not_serving(self, zone: str) -> str:
        """Why it does not serve the zone yet; empty once it does."""
        try:
            return "" if self._query(zone, "@", "SOA", POLL_SECONDS) else "it has no such zone"
        except HandlerError as error:
            return str(error)

    def _configuration(self) -> str:
        zones = list(self._zones.values())
        return templating.render(_KNOT, address=self._address, port=self._port, zones=zones)


def query(
    world: World,
    namespace: str,
    server: tuple[IPv4Address, int],
    name: str,
    type: str,
    seconds: float = ANSWER_SECONDS,
) -> dns.rrset.RRset | None:
    """Query a server over the network from ``namespace``; returns None if it has no such name or type.

    Raises HandlerError if no answer arrives within ``seconds``, or an error.
    """
    request = dns.message.make_query(name, type)
    (question,) = request.question
    where = f"{server[0]}:{server[1]}, asked for {name} {type},"

    def exchange() -> dns.message.Message:
        return dns.query.udp_with_fallback(request, str(server[0]), timeout=seconds, port=server[1])[0]

    try:
        answer = world.namespaces.inside(namespace, exchange)
    except (dns.exception.DNSException, OSError) as error:
        raise HandlerError(f"The DNS server {where} does not answer: {error}") from error
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise HandlerError(f"The DNS server {where} answers {dns.rcode.to_text(answer.rcode())}.")
    return answer.get_rrset(answer.answer, question.name, question.rdclass, question.rdtype)
