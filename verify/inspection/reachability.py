"""What the flow table means for single hosts: what each must reach and must not, and the twin that proves the test.

Every forbidden target has a twin: the same address and port, tried from a place that may reach it. Only beside
an answer there does a timeout here prove a rule, rather than that nothing is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.inventory.model import Flow, Host
from verify.inspection.expectations import current, flows, hosts
from verify.report.model import Needs

OPEN_SECONDS = 6.0
CLOSED_SECONDS = 2.0
"""Long against a round trip inside one region, even on a busy machine; a first packet lost is sent again after 1 s."""
UDP_SPOKEN = (53, 123)
"""UDP ports whose service the probe can ask something: others never answer, so nothing can be told."""


@dataclass(frozen=True)
class Target:
    """One address and port."""

    name: str
    """Of the host, or what else it is."""
    address: str
    port: int
    protocol: str = "tcp"
    public: bool = False
    seconds: float = field(default=OPEN_SECONDS, compare=False)

    def __str__(self) -> str:
        return f"{self.name}:{self.port}"

    def order(self) -> dict[str, object]:
        return {"address": self.address, "port": self.port, "protocol": self.protocol, "seconds": self.seconds}


@dataclass(frozen=True)
class Open:
    """A row of the flow table from one place."""

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
    """What one place must not reach at another; a twin's place by target."""

    name: str
    place: str
    targets: tuple[Target, ...]
    twins: dict[Target, str] = field(hash=False)
    twin_capabilities: tuple[str, ...] = ()

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
    open: list[Open]
    closed: list[Closed]


def targets_of(flow: Flow, source: Host) -> tuple[Target, ...]:
    """What a flow opens to one host, as far as its far end has addresses that can be known."""
    known = current().inventory
    ports = [port for port in flow.ports if flow.protocol == "tcp" or port in UDP_SPOKEN]
    if flow.destination == "internet":
        if flow.protocol == "udp":
            return tuple(Target(name, name, port, "udp") for name in known.time_sources for port in ports)
        return tuple(target for target in package_servers() if target.port in ports)
    if flow.destination == "key-vault":
        vault = urlsplit(known.vault_uri).hostname or ""
        return tuple(Target("key-vault", vault, port) for port in ports)
    ends = hosts() if flow.destination == "any-host" else known.hosts_of(flow.destination)
    others = [end for end in ends if end.name != source.name]
    return tuple(Target(end.name, str(end.address), port, flow.protocol) for end in others for port in ports)


def package_servers() -> list[Target]:
    """Where the management host gets packages from, on the Internet."""
    servers = []
    for source in current().inventory.packages.sources:
        url = urlsplit(source.uri)
        port = url.port or (443 if url.scheme == "https" else 80)
        servers.append(Target(f"packages of {source.name}", url.hostname or "", port))
    return servers


def rows_from(source: Host) -> list[tuple[Flow, tuple[Target, ...]]]:
    """The flows that start at a host, with what they open to it."""
    starting = [flow for flow in current().inventory.flows if flow.source in (*source.roles, "any-host")]
    rows = [(flow, targets_of(flow, source)) for flow in starting]
    return [(flow, targets) for flow, targets in rows if targets]


def open_rows() -> list[Open]:
    """Every flow from every host that it starts at."""
    return [
        Open(f"{flow.name} from {source.name}", source.name, flow.name, targets)
        for source in hosts()
        for flow, targets in rows_from(source)
    ]


def served() -> dict[Target, list[tuple[str, str]]]:
    """All that some host may reach over TCP, with who may: names of host and flow."""
    openings: dict[Target, list[tuple[str, str]]] = {}
    for source in hosts():
        for flow, targets in rows_from(source):
            for target in targets:
                if target.protocol == "tcp" and target.name != "key-vault":
                    openings.setdefault(target, []).append((source.name, flow.name))
    return openings


def closed_pairs() -> list[Closed]:
    """From every host to every other: the ports that others may reach there and it may not."""
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
    """What the Internet may and may not reach, from the two vantage points."""
    known = current().inventory
    jump = Target(known.way_in.jump_host, str(known.way_in.jump_address), known.way_in.jump_port, public=True)
    gateways = sorted({str(endpoint.address) for endpoint in known.endpoints.values()})
    site_ports = {port for flow in flows("internet", "gateway") for port in flow.ports}
    inner_ports = sorted({target.port for target in served()} - site_ports)
    sites = gateway_targets(gateways, sorted(site_ports))
    private = tuple(Target(host.name, str(host.address), port) for host in hosts() for port in inner_ports)
    opened = [
        Open("sites from outside", "outside", "sites", sites, "gateway"),
        Open("way in from operator", "operator", "way in", (jump,), "way-in"),
    ]
    beside_sites = {sites[0]: "outside"}
    closed = [
        Closed("outside to way in", "outside", (jump,), {jump: "operator"}, ("way-in",)),
        Closed("outside to private addresses", "outside", private, beside_sites, ("gateway",)),
        Closed(
            "outside to other ports of the gateway",
            "outside",
            gateway_targets(gateways, inner_ports),
            beside_sites,
            ("gateway",),
        ),
    ]
    if known.way_in.transfer_address is not None:
        behind = known.hosts_of("transfer")[0].name
        transfer = (Target(behind, str(known.way_in.transfer_address), 22, public=True),)
        # Where the old hoster's place can be asked, the drop itself is the twin: it answers there.
        asked = "old-hoster" in known.vantage_points
        twins, capability = ({transfer[0]: "old-hoster"}, "drop") if asked else ({jump: "operator"}, "way-in")
        closed += [
            Closed(f"{place} to transfer", place, transfer, twins, (capability,)) for place in ("outside", "operator")
        ]
        if asked:
            opened.append(Open("drop from old-hoster", "old-hoster", "drop", transfer, "drop"))
            closed.append(Closed("old-hoster to way in", "old-hoster", (jump,), {jump: "operator"}, ("way-in",)))
    return PublicReach(opened, closed)


def gateway_targets(addresses: list[str], ports: list[int]) -> tuple[Target, ...]:
    return tuple(Target("gateway", address, port, public=True) for address in addresses for port in ports)


def orders_of(place: str) -> list[Target]:
    """Everything to be tried from a place; what must time out is given less time."""
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
