"""A knot server in a service container: it serves zones that the handlers fill, and says what it answers."""

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

from rehearsal.base import templating
from rehearsal.base.handler import HandlerError
from rehearsal.base.waiting import wait_until
from rehearsal.base.world import World
from rehearsal.dns.records import RecordSet, from_answer

NAME_SERVER = "ns1.livegang-rehearsal.test."
CONFIGURATION = "/etc/knot/knot.conf"
ZONES = "/etc/knot/zones"
_KNOT = Path(__file__).with_name("templates") / "knot.conf.j2"
START_SECONDS = 10.0
ANSWER_SECONDS = 2.0
POLL_SECONDS = 0.1
"""How long one question waits while a server starts: what is sent before it listens is never answered."""


@dataclass
class Zone:
    """What a zone holds in addition to its SOA and NS records."""

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
        """The zone file. Its serial grows with every rendering, also past what a hand may have counted up."""
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
    """Zones of one server. Methods may be called from several threads."""

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
        """Start serving ``zones``, one at least; returns when it answers. Raises HandlerError with its log's end."""
        with self._lock:
            self._zones = {zone.name: zone for zone in zones}
            files = {CONFIGURATION: self._configuration(), **{zone.file: zone.render() for zone in zones}}
            # /run is empty at the start, and knot does not make its folder there itself.
            command = f"mkdir -p /run/knot && exec knotd --config={CONFIGURATION}"
            self._world.containers.start(self.name, self._namespace, ["/bin/sh", "-c", command], files=files)
            self._wait_until_served(zones[0].name)

    def zone(self, name: str) -> Zone | None:
        with self._lock:
            return self._zones.get(name.lower())

    def add(self, name: str) -> None:
        """Serve a zone; one that is served already stays as it is, and is loaded anew."""
        with self._lock:
            zone = self._zones.setdefault(name.lower(), Zone(name.lower()))
            self._write({CONFIGURATION: self._configuration(), zone.file: zone.render()})
            self._control("reload")
            self._wait_until_served(zone.name)

    def remove(self, name: str) -> None:
        """Serve a zone, and all that is in it, no longer."""
        with self._lock:
            if self._zones.pop(name.lower(), None) is not None:
                self._write({CONFIGURATION: self._configuration()})
                self._control("reload")

    def put(self, zone_name: str, record_set: RecordSet) -> None:
        """Serve a record set, replacing any of the same name and type. Raises HandlerError if the zone refuses it."""
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
                # A zone file that is refused would keep every later change of the zone from being served.
                del zone.records[place]
                if before is not None:
                    zone.records[place] = before
                self._load(zone)
                raise

    def take(self, zone_name: str, name: str, type: str) -> None:
        """Serve a record set no longer; to take what is not there is no error."""
        with self._lock:
            zone = self._zones.get(zone_name.lower())
            if zone is not None and zone.records.pop((name.lower(), type), None) is not None:
                self._load(zone)

    def ask(self, zone_name: str, name: str, type: str) -> RecordSet | None:
        """What the server answers, None for nothing; asked with a real query from its own namespace."""
        self._ensure_alive()
        return self._ask(zone_name, name, type, ANSWER_SECONDS)

    def _ask(self, zone_name: str, name: str, type: str, seconds: float) -> RecordSet | None:
        full_name = Zone(zone_name.lower()).full_name(name)
        answer = ask(self._world, self._namespace, (self._address, self._port), full_name, type, seconds)
        return from_answer(name, answer) if answer is not None else None

    def _load(self, zone: Zone) -> None:
        self._write({zone.file: zone.render()})
        try:
            self._control("zone-reload", zone.full_name("@"))
        except HandlerError as error:
            raise HandlerError(
                f"{self.name} refuses zone {zone.name}: {error}\n{self._world.containers.log_end(self.name, 5)}"
            ) from error

    def _write(self, files: Mapping[str, str]) -> None:
        self._ensure_alive()
        self._world.containers.write(self.name, files)

    def _ensure_alive(self) -> None:
        """To Azure a server that was killed is no change: it is started again with all its records."""
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
            return "" if self._ask(zone, "@", "SOA", POLL_SECONDS) else f"it knows nothing of {zone}"
        except HandlerError as error:
            return str(error)

    def _configuration(self) -> str:
        zones = list(self._zones.values())
        return templating.render(_KNOT, address=self._address, port=self._port, zones=zones)


def ask(
    world: World,
    namespace: str,
    server: tuple[IPv4Address, int],
    name: str,
    type: str,
    seconds: float = ANSWER_SECONDS,
) -> dns.rrset.RRset | None:
    """Ask a server over the network, standing in ``namespace``; None if the name or type is not there.

    Raises HandlerError when no answer comes in ``seconds``, or one that is neither a yes nor a no.
    """
    query = dns.message.make_query(name, type)
    (question,) = query.question
    where = f"{server[0]}:{server[1]}, asked for {name} {type},"

    def exchange() -> dns.message.Message:
        return dns.query.udp_with_fallback(query, str(server[0]), timeout=seconds, port=server[1])[0]

    try:
        answer = world.namespaces.inside(namespace, exchange)
    except (dns.exception.DNSException, OSError) as error:
        raise HandlerError(f"The DNS server {where} does not answer: {error}") from error
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise HandlerError(f"The DNS server {where} answers {dns.rcode.to_text(answer.rcode())}.")
    return answer.get_rrset(answer.answer, question.name, question.rdclass, question.rdtype)
