"""What the suites expect: the inventory, the component manifests and the way to the hosts, loaded once per run.

Suites need them while they are imported (`testinfra_hosts` and parameters are module variables), so the plugin in
conftest.py sets them before collection, and suites read them with the functions below.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console import ExpectedError
from hosts.components.manifest import Manifest, of_inventory
from infra.inventory import access, reading, staleness
from infra.inventory.model import Endpoint, Flow, Host, Inventory
from landscape import roles
from landscape.host_order import in_listing_order
from verify.report.model import Gap, Subjects


@dataclass(frozen=True)
class Expectations:
    """One stack as it is wanted, and the ssh_config to reach it with."""

    inventory: Inventory
    manifests: list[Manifest]
    ssh_config: Path
    behind: str | None = None
    """Why the inventory may not be what is wanted: the stack file has changed since it was brought up."""

    @classmethod
    def load(cls, stack: str) -> Expectations:
        """Read the stack's inventory and manifests; write its ssh_config and known_hosts.

        Raises ExpectedError naming the file, key and value that is wrong, or the command that is missing.
        """
        loaded = reading.load(stack)
        return cls(loaded, of_inventory(loaded), access.write(loaded), staleness.behind(loaded))

    def gaps(self) -> list[Gap]:
        """What keeps even a complete run of the suites from proving this stack ready."""
        gaps = [Gap("inventory", self.behind)] if self.behind else []
        return gaps + [
            Gap(host.name, f"its role {role} has no suite")
            for host in self.inventory.hosts.values()
            for role in roles.without_suite(host.roles)
        ]

    def subjects(self) -> Subjects:
        """Every host and endpoint, with the suites that must look at it."""
        hosts = in_listing_order(self.inventory.hosts)
        present = frozenset(role for host in hosts.values() for role in host.roles)
        required = {name: roles.required_suites(host.roles, present) for name, host in hosts.items()}
        required |= dict.fromkeys(self.inventory.endpoints, roles.ENDPOINT_SUITES)
        return Subjects(
            stack=self.inventory.stack,
            hosts={name: "+".join(host.roles) for name, host in hosts.items()},
            endpoints={name: endpoint.host_name for name, endpoint in self.inventory.endpoints.items()},
            jump_host=self.inventory.way_in.jump_host,
            required=required,
        )


_current: Expectations | None = None


def set_current(expectations: Expectations) -> None:
    """Make them the expectations of this run."""
    global _current
    _current = expectations


def current() -> Expectations:
    """The expectations of this run."""
    if _current is None:
        raise ExpectedError(
            "The suites of verify/ were imported before the stack that they verify was loaded.",
            hint="Run them from the clone's folder with: pytest verify/ --stack STACK",
        )
    return _current


def hosts(role: str | None = None) -> list[Host]:
    """The hosts of a role, or all hosts."""
    known = current().inventory
    return known.hosts_of(role) if role else list(known.hosts.values())


def specs(role: str | None = None) -> list[str]:
    """The testinfra host specs of a role's hosts, or of all hosts: for `testinfra_hosts`."""
    return [f"ssh://{host.name}" for host in hosts(role)]


def endpoints() -> list[Endpoint]:
    return list(current().inventory.endpoints.values())


def manifests() -> list[Manifest]:
    """The component manifests, by name."""
    return current().manifests


def flows(source: str | None = None, destination: str | None = None) -> list[Flow]:
    """The rows of the flow table with this source and destination."""
    return [
        flow
        for flow in current().inventory.flows
        if source in (None, flow.source) and destination in (None, flow.destination)
    ]


def web_port() -> int:
    """The port on which the gateway reaches the web hosts, from the flow table."""
    ports = sorted(port for flow in flows("gateway", "web") for port in flow.ports)
    if not ports:
        raise ExpectedError(
            f"Stack {current().inventory.stack} allows no flow from the gateway to the web hosts.",
            hint="Add one to livegang:topology.flows, from: gateway, to: web.",
        )
    return ports[0]


def one_of(role: str, capability: str) -> tuple[str, ...]:
    """A need that any one host of a role can meet; ``{member}`` in the capability is replaced by the host."""
    return tuple(capability.replace("{member}", host.name) for host in hosts(role))


def each(role: str, capability: str) -> tuple[tuple[str, ...], ...]:
    """The needs that every host of a role meets this capability."""
    return tuple((name,) for name in one_of(role, capability))


def open_flows(source: str, destination: str, place: str) -> tuple[tuple[str, ...], ...]:
    """The needs that every flow from one role to another is open from a place: a host's name or ``{host}``."""
    return tuple((f"flow:{flow.name}@{place}",) for flow in flows(source, destination))
