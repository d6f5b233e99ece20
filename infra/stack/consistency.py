"""Contradictions within a topology: mistakes that no single value shows.

Each check works on what could be salvaged of the document, so that all mistakes are reported together, even when some
values cannot be read at all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

from console.validation import Mistake, nearest, present, shown
from infra.stack.fields import RESERVED_IN_SUBNET
from infra.stack.flows import OUTBOUND_SUFFIX, PARTIES, RANGES, SERVICE_TAGS, priority_of, subnets_of
from infra.stack.named_files import unusable_files
from infra.stack.topology import Topology
from landscape.names import GATEWAY
from landscape.parties import ANY_HOST, OLD_HOSTER, VANTAGE_POINTS
from landscape.roles import ROLES, SHAREABLE

FEWEST_PREFIX_BITS = 29
"""Azure's smallest subnet is a /29."""


def contradictions(topology: Topology, root: Path) -> list[Mistake]:
    """All values that contradict each other, and all named files that cannot be used.

    ``topology`` may be salvaged: values that could not be read are None.
    """
    checks = (
        _counts,
        _subnets,
        _host_addresses,
        _roles,
        _shared_hosts,
        _endpoints,
        _flows,
        _priorities,
        _administrator,
        _vantage,
        _transfer,
    )
    mistakes = [mistake for check in checks for mistake in check(topology)]
    return mistakes + list(unusable_files(topology, root))


def _counts(topology: Topology) -> Iterator[Mistake]:
    for kind, entries, expected in (
        ("hosts", topology.hosts, topology.expected.hosts),
        ("endpoints", topology.endpoints, topology.expected.endpoints),
    ):
        if present(expected) and len(entries) != expected:
            what = "declare" if len(entries) < expected else "remove"
            difference = abs(len(entries) - expected)
            yield Mistake(
                (kind,),
                f"{len(entries)} are declared ({', '.join(entries) or 'none'}), but expected.{kind} is {expected}",
                f"Either {what} {difference}, or set expected.{kind} to {len(entries)}.",
            )


def _subnets(topology: Topology) -> Iterator[Mistake]:
    space, subnets = topology.network.address_space, _readable_subnets(topology)
    for name, subnet in subnets.items():
        if present(space) and not subnet.subnet_of(space):
            yield Mistake(
                ("network", "subnets", name),
                f"{subnet} is outside the virtual network's address_space {space}",
                f"Choose a network within {space}, or widen address_space.",
            )
        if subnet.prefixlen > FEWEST_PREFIX_BITS:
            yield Mistake(
                ("network", "subnets", name),
                f"{subnet} is too small: Azure's smallest subnet is a /{FEWEST_PREFIX_BITS}",
                f"Choose a larger one, e.g. {subnet.network_address}/24.",
            )
    for (name, subnet), (other, second) in combinations(subnets.items(), 2):
        if subnet.overlaps(second):
            yield Mistake(
                ("network", "subnets", other),
                f"{second} overlaps network.subnets.{name} ({subnet})",
                _free_network(topology, second),
            )


def _readable_subnets(topology: Topology) -> dict[str, IPv4Network]:
    return {name: subnet for name, subnet in topology.network.subnets.items() if present(subnet)}


def _free_network(topology: Topology, wanted: IPv4Network) -> str:
    space, used = topology.network.address_space, _readable_subnets(topology).values()
    if present(space) and wanted.prefixlen >= space.prefixlen:
        for candidate in space.subnets(new_prefix=wanted.prefixlen):
            if not any(candidate.overlaps(subnet) for subnet in used):
                return f"{candidate}, for example, is free in {space}."
    return "Choose networks that do not overlap."


def _host_addresses(topology: Topology) -> Iterator[Mistake]:
    holders: dict[str, list[str]] = defaultdict(list)
    for name, host in topology.hosts.items():
        if not present(host.address):
            continue
        holders[str(host.address)].append(name)
        subnet = _readable_subnets(topology).get(host.role) if present(host.role) else None
        if subnet is None:
            continue
        path = ("hosts", name, "address")
        usable = list(subnet.hosts())[RESERVED_IN_SUBNET - 1 :] or [subnet.network_address]
        remedy = f"Choose an address from {usable[0]} to {usable[-1]}."
        reserved = [*list(subnet)[:RESERVED_IN_SUBNET], subnet.broadcast_address]
        if host.address not in subnet:
            yield Mistake(path, f"{host.address} is outside network.subnets.{host.role} ({subnet})", remedy)
        elif host.address in reserved:
            yield Mistake(
                path,
                f"{host.address} is one of the five that Azure reserves in {subnet} (the first four and the last)",
                remedy,
            )
    for address, names in holders.items():
        for name in names[1:]:
            yield Mistake(
                ("hosts", name, "address"),
                f"{address} is already the address of {names[0]}",
                "Each host needs its own.",
            )


def _roles(topology: Topology) -> Iterator[Mistake]:
    subnets = topology.network.subnets
    own = {host.role for host in topology.hosts.values() if present(host.role)}
    for needed in sorted({*own, GATEWAY} - set(subnets)):
        whose = "the application gateway" if needed == GATEWAY else f"hosts of role {needed}"
        yield Mistake(
            ("network", "subnets", needed), f"is missing: {whose} cannot do without", f"Add {needed}: NETWORK."
        )
    for name in sorted(set(subnets) - set(PARTIES) | (set(subnets) & {*RANGES, *SERVICE_TAGS})):
        known = [party for party in PARTIES if party not in RANGES and party not in SERVICE_TAGS and party != ANY_HOST]
        yield Mistake(("network", "subnets", name), "is neither a role nor the gateway", nearest(name, known))
    roles = [role for host in topology.hosts.values() for role in host.roles if present(role)]
    yield from _numbers(Counter(roles))
    for name, host in topology.hosts.items():
        needing = [role for role in host.roles if present(role) and ROLES[role].data_disk]
        if needing and not present(host.data_disk_gb):
            yield Mistake(
                ("hosts", name, "data_disk_gb"),
                f"is missing: a {needing[0]} host keeps its data on a disk of its own",
                "Give its size in GiB, e.g. 64.",
            )


def _numbers(hosts: Counter[str]) -> Iterator[Mistake]:
    """Too few or too many hosts of a role."""
    for role in ROLES.values():
        number = hosts[role.name]
        if role.at_least == role.at_most != number:
            exactly = "exactly one" if role.at_least == 1 else f"exactly {role.at_least}"
            because = ": it is the only way in" if role.name == "management" else ""
            yield Mistake(("hosts",), f"{number} hosts have the role {role.name}", f"There must be {exactly}{because}.")
        elif number < role.at_least:
            shared = f", or have another host take the role on: also: [{role.name}]" if role.shareable else ""
            yield Mistake(
                ("hosts",),
                f"no host has the role {role.name}" if not number else f"only {number} hosts have the role {role.name}",
                f"There must be at least {role.at_least}: add one{shared}.",
            )
        elif role.at_most is not None and number > role.at_most:
            most = "at most one" if role.at_most == 1 else f"at most {role.at_most}"
            yield Mistake(("hosts",), f"{number} hosts have the role {role.name}", f"There may be {most}.")


def _shared_hosts(topology: Topology) -> Iterator[Mistake]:
    """Hosts that take on another role in addition to their own."""
    first: dict[str, tuple[str, frozenset[str]]] = {}
    for name, host in topology.hosts.items():
        path = ("hosts", name, "also")
        if not present(host.role):
            continue
        if host.also and (wrong := [role for role in host.roles if role not in SHAREABLE]):
            yield Mistake(
                path,
                f"the role {wrong[0]} cannot share a host with another role",
                f"Only {', '.join(SHAREABLE)} can.",
            )
        if twice := sorted({role for role in host.roles if host.roles.count(role) > 1}):
            yield Mistake(path, f"names {twice[0]}, which the host has already", "Name each role once.")
        other, roles = first.setdefault(host.role, (name, frozenset(host.roles)))
        if roles != frozenset(host.roles):
            yield Mistake(
                path,
                f"{name} and {other} are in the same subnet ({host.role}) but have different roles "
                f"({', '.join(sorted(host.roles))}; {', '.join(sorted(roles))})",
                "Security rules apply to whole subnets: give both the same `also`, or another role.",
            )


def _endpoints(topology: Topology) -> Iterator[Mistake]:
    zone = topology.domain.zone
    holders: dict[str, str] = {}
    for name, endpoint in topology.endpoints.items():
        if not present(endpoint.host_name):
            continue
        path = ("endpoints", name, "host_name")
        label, _, parent = endpoint.host_name.partition(".")
        if present(zone) and parent != zone:
            yield Mistake(
                path,
                f"{shown(endpoint.host_name)} is not one label below domain.zone ({zone})",
                f"Choose e.g. {label}.{zone}.",
            )
        if endpoint.host_name in holders:
            yield Mistake(
                path,
                f"{shown(endpoint.host_name)} is already the host name of {holders[endpoint.host_name]}",
                "Each endpoint needs its own.",
            )
        holders.setdefault(endpoint.host_name, name)


def _flows(topology: Topology) -> Iterator[Mistake]:
    for name, flow in topology.flows.items():
        if name.endswith(OUTBOUND_SUFFIX):
            yield Mistake(
                ("flows", name),
                f"ends with {OUTBOUND_SUFFIX}, which marks outbound rules",
                "Choose another name.",
            )
        ends = [("from", flow.source), ("to", flow.destination)]
        for key, party in ends:
            if not present(party):
                continue
            if party not in PARTIES:
                yield Mistake(("flows", name, key), f"{shown(party)} is not a known party", nearest(party, PARTIES))
            elif party not in (*RANGES, *SERVICE_TAGS) and not subnets_of(topology, party):
                yield Mistake(
                    ("flows", name, key),
                    f"{shown(party)} has no subnet in this landscape",
                    f"Add network.subnets.{party}, let a host take the role on (also: [{party}]), or remove the flow."
                    if party in SHAREABLE
                    else f"Add network.subnets.{party}, or remove the flow.",
                )
        if all(party in (*RANGES, *SERVICE_TAGS) for _, party in ends):
            yield Mistake(
                ("flows", name),
                f"both ends ({flow.source}, {flow.destination}) are outside the virtual network",
                "One end must be a role, the gateway or any-host.",
            )


def _priorities(topology: Topology) -> Iterator[Mistake]:
    holders: dict[int, str] = {}
    flows = {name: flow for name, flow in topology.flows.items() if present(flow.source, flow.destination)}
    taken = {priority_of(name, flow) for name, flow in flows.items()}
    for name, flow in flows.items():
        priority = priority_of(name, flow)
        if priority in holders:
            free = next(number for number in range(100, 2000, 10) if number not in taken)
            yield Mistake(
                ("flows", name, "priority"),
                f"{priority} is already the priority of {holders[priority]}",
                f"{free}, for example, is free.",
            )
        holders.setdefault(priority, name)


def _administrator(topology: Topology) -> Iterator[Mistake]:
    given = bool(topology.administrator.public_keys), present(topology.administrator.public_key_file)
    if all(given):
        yield Mistake(
            ("administrator",),
            "has both public_keys and public_key_file",
            "Keep one of the two.",
        )


def _transfer(topology: Topology) -> Iterator[Mistake]:
    hosts, wanted = topology.hosts_of("transfer"), topology.transfer
    if wanted is None:
        if hosts:
            yield Mistake(
                ("transfer",),
                f"is missing, but {next(iter(hosts))} receives what the old hoster sends",
                "See Pulumi.rehearsal.yaml for a commented example.",
            )
        return
    given = bool(wanted.old_hoster.public_keys), present(wanted.old_hoster.public_key_file)
    if given.count(True) != 1:
        yield Mistake(
            ("transfer", "old_hoster"),
            "has both public_keys and public_key_file" if all(given) else "has neither public_keys nor public_key_file",
            "Give one of the two, with at least one SSH public key.",
        )
    if not wanted.signatures.files and not present(wanted.signatures.source):
        yield Mistake(
            ("transfer", "signatures"),
            "has neither source nor files",
            "Give at least one: without signatures every file would count as clean.",
        )
    names = [Path(path).name for path in wanted.signatures.files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield Mistake(
            ("transfer", "signatures", "files"),
            f"the file name {twice[0]} occurs more than once",
            "Rename one of the files.",
        )
    if present(wanted.old_hoster.user) and wanted.old_hoster.user == topology.administrator.user:
        yield Mistake(
            ("transfer", "old_hoster", "user"),
            f"{shown(wanted.old_hoster.user)} is the administrator's user name",
            "Choose another one: the old hoster must not be the administrator.",
        )


def _vantage(topology: Topology) -> Iterator[Mistake]:
    for name in VANTAGE_POINTS:
        point = topology.vantage_points.get(name)
        if point is None and name == OLD_HOSTER:
            continue  # Where no one can log in there, suites check what it may do by the host's configuration.
        if point is None:
            yield Mistake(("vantage_points", name), "is missing", 'Add e.g. {spec: "local://"}.')
        elif present(point.spec) and point.spec.startswith("ssh://") and not present(point.address):
            yield Mistake(
                ("vantage_points", name, "address"),
                f"is missing, but spec {shown(point.spec)} needs it",
                "Give the IPv4 address of the vantage point.",
            )
