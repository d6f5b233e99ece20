"""What the flow table means for each host: what it must and must not reach, and the twin that proves the test.

Every forbidden target has a twin: the same address and port, tried from a place that may reach it. Only together with
an answer there does a timeout here prove a rule; else there might just be nothing to answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.inventory.model import Flow, Host
from landscape.parties import ANY_HOST, INTERNET, KEY_VAULT, OLD_HOSTER, OPERATOR, OUTSIDE
from verify.inspection.expectations import current, flows, hosts
from verify.report.model import Needs

OPEN_SECONDS = 6.0
CLOSED_SECONDS = 2.0
"""Long compared to a round trip inside one region, even on a busy machine; a lost first packet is resent after 1 s."""
UDP_SPOKEN = (53, 123)
"""UDP ports whose protocol the probe speaks. On others it gets no answer, which proves nothing."""


@dataclass(frozen=True)
class Target:
    """One address and port to try."""

    name: str
    """The host's name, or another description."""
    address: str
    port: int
    protocol: str = "tcp"
    public: bool = False
    seconds: float = field(default=OPEN_SECONDS, compare=False)

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"

    def request(self) -> dict[str, object]:
        return {"address": self.address, "port": self.port, "protocol": self.protocol, "seconds": self.seconds}


@dataclass(frozen=True)
class Open:
    """What one place must reach: a row of the flow table, or a public address."""

    name: str
    place: str
    flow: str
    targets: tuple[Target, ...]
    capability: str = ""

    @property
    def label(self) -> str:
        return self.flow

    @property
    def proves(self) -> str:
        return self.capability or f"flow:{self.flow}@{self.place}"

    @property
    def needs(self) -> Needs:
        return tuple((f"host:{target.name}",) for target in self.targets)


@dataclass(frozen=True)
class Closed:
    """What one place must not reach at another."""

    name: str
    place: str
    targets: tuple[Target, ...]
    twins: dict[Target, str] = field(hash=False)
    """For each target, a place that may reach it."""
    twin_capabilities: tuple[str, ...] = ()
    """What is out of service if the twins get no answer."""

    @property
    def label(self) -> str:
        return self.name.partition(" ")[2]

    @property
    def proves(self) -> str:
        return ""

    @property
    def needs(self) -> Needs:
        return tuple((flow,) for flow in self.twin_capabilities)


@dataclass(frozen=True)
class PublicReach:
    """What the Internet may and may not reach."""

    open: list[Open]
    closed: list[Closed]


def targets_of(flow: Flow, source: Host) -> tuple[Target, ...]:
    """What a flow opens to one host, as far as the addresses of the other end are known."""
    known = current().inventory
    ports = [port for port in flow.ports if flow.protocol == "tcp" or port in UDP_SPOKEN]
    if flow.destination == INTERNET:
        if flow.protocol == "udp":
            return tuple(Target(name, name, port, "udp") for name in known.time_sources for port in ports)
        return tuple(target for target in package_servers() if target.port in ports)
    if flow.destination == KEY_VAULT:
        vault = urlsplit(known.vault_uri).hostname or ""
        return tuple(Target(KEY_VAULT, vault, port) for port in ports)
    ends = hosts() if flow.destination == ANY_HOST else known.hosts_of(flow.destination)
    others = [end for end in ends if end.name != source.name]
    return tuple(Target(end.name, str(end.address), port, flow.protocol) for end in others for port in ports)


def package_servers() -> list[Target]:
    """The servers on the Internet from which the management host gets packages."""
    servers = []
    for source in current().inventory.packages.sources:
        url = urlsplit(source.uri)
        port = url.port or (443 if url.scheme == "https" else 80)
        servers.append(Target(f"packages of {source.name}", url.hostname or "", port))
    return servers


def rows_from(source: Host) -> list[tuple[Flow, tuple[Target, ...]]]:
    """The flows that start at a host, each with what it opens."""
    starting = [flow for flow in current().inventory.flows if flow.source in (*source.roles, ANY_HOST)]
    rows = [(flow, targets_of(flow, source)) for flow in starting]
    return [(flow, targets) for flow, targets in rows if targets]


def open_rows() -> list[Open]:
    """Every flow from every host at which it starts."""
    return [
        Open(f"{flow.name} from {source.name}", source.name, flow.name, targets)
        for source in hosts()
        for flow, targets in rows_from(source)
    ]


def served() -> dict[Target, list[tuple[str, str]]]:
    """Everything that some host may reach over TCP, with the names of these hosts and the flows."""
    openings: dict[Target, list[tuple[str, str]]] = {}
    for source in hosts():
        for flow, targets in rows_from(source):
            for target in targets:
                if target.protocol == "tcp" and target.name != KEY_VAULT:
                    openings.setdefault(target, []).append((source.name, flow.name))
    return openings


def closed_pairs() -> list[Closed]:
    """From every host to every other: the ports there that other hosts may reach, but this one may not."""
    openings = served()
    pairs = []
    for source in hosts():
        by_end: dict[str, list[Target]] = {}
        for target, allowed in openings.items():
            if target.name != source.name and source.name not in {name for name, _ in allowed}:
                by_end.setdefault(target.name, []).append(target)
        for end, targets in by_end.items():
            twins = {target: openings[target][0][0] for target in targets}
            needed = {f"flow:{flow}@{place}" for target in targets for place, flow in openings[target][:1]}
            name = f"{source.name} to {end}"
            pairs.append(Closed(name, source.name, tuple(targets), twins, tuple(sorted(needed))))
    return pairs


def public_reach() -> PublicReach:
    """What is open and closed to the Internet, from each vantage point."""
    known = current().inventory
    jump = Target(known.way_in.jump_host, str(known.way_in.jump_address), known.way_in.jump_port, public=True)
    gateways = sorted({str(endpoint.address) for endpoint in known.endpoints.values()})
    site_ports = {port for flow in flows(INTERNET, "gateway") for port in flow.ports}
    inner_ports = sorted({target.port for target in served()} - site_ports)
    sites = gateway_targets(gateways, sorted(site_ports))
    private = tuple(Target(host.name, str(host.address), port) for host in hosts() for port in inner_ports)
    opened = [
        Open("sites from outside", OUTSIDE, "sites", sites, "gateway"),
        Open("way in from operator", OPERATOR, "way in", (jump,), "way-in"),
    ]
    sites_answer = {sites[0]: OUTSIDE}
    closed = [
        Closed("outside to way in", OUTSIDE, (jump,), {jump: OPERATOR}, ("way-in",)),
        Closed("outside to private addresses", OUTSIDE, private, sites_answer, ("gateway",)),
        Closed(
            "outside to other ports of the gateway",
            OUTSIDE,
            gateway_targets(gateways, inner_ports),
            sites_answer,
            ("gateway",),
        ),
    ]
    if known.way_in.transfer_address is not None:
        behind = known.hosts_of("transfer")[0].name
        transfer = (Target(behind, str(known.way_in.transfer_address), 22, public=True),)
        # With a vantage point at the old hoster's, the drop itself is the twin: it answers there.
        has_old_hoster = OLD_HOSTER in known.vantage_points
        twins, capability = ({transfer[0]: OLD_HOSTER}, "drop") if has_old_hoster else ({jump: OPERATOR}, "way-in")
        closed += [
            Closed(f"{place} to transfer", place, transfer, twins, (capability,)) for place in (OUTSIDE, OPERATOR)
        ]
        if has_old_hoster:
            opened.append(Open("drop from old-hoster", OLD_HOSTER, "drop", transfer, "drop"))
            closed.append(Closed("old-hoster to way in", OLD_HOSTER, (jump,), {jump: OPERATOR}, ("way-in",)))
    return PublicReach(opened, closed)


def gateway_targets(addresses: list[str], ports: list[int]) -> tuple[Target, ...]:
    return tuple(Target("gateway", address, port, public=True) for address in addresses for port in ports)


def targets_from(place: str) -> list[Target]:
    """Everything to try from a place, with less time for what must time out."""
    public = public_reach()
    wanted: dict[Target, float] = {}
    for row in [*open_rows(), *public.open]:
        if row.place == place:
            wanted |= dict.fromkeys(row.targets, OPEN_SECONDS)
    for pair in [*closed_pairs(), *public.closed]:
        if pair.place == place:
            wanted |= dict.fromkeys(pair.targets, CLOSED_SECONDS)
        for target, twin in pair.twins.items():
            if twin == place:
                wanted.setdefault(target, OPEN_SECONDS)
    return [Target(t.name, t.address, t.port, t.protocol, t.public, seconds) for t, seconds in wanted.items()]
