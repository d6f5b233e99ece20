"""What the suites expect: the inventory, the component manifests and the way to the hosts, loaded once a run.

Suites need it while they are imported (`testinfra_hosts` and parameters are module variables), so the run's
landscape is set before collection by the plugin in conftest.py, and read with the functions below.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from console import ExpectedError
from hosts.components.manifest import Manifest, of_inventory
from infra.inventory import access, declared, reading
from infra.inventory.model import Endpoint, Flow, Host, Inventory
from landscape import roles
from verify.report.model import Gap, Subjects


@dataclass(frozen=True)
class Expectations:
    """One stack as it is wanted, and the files to reach it with."""

    inventory: Inventory
    manifests: list[Manifest]
    ssh_config: Path
    gaps: tuple[Gap, ...] = ()
    """Why what is verified may not be what is wanted: the stack file was changed since it was brought up."""

    @classmethod
    def load(cls, stack: str) -> Expectations:
        """Read the stack's inventory and manifests; write its ssh_config and known_hosts.

        Raises ExpectedError naming the file, key and value that is wrong, or the command that is missing.
        """
        loaded = reading.load(stack)
        behind = declared.behind(loaded)
        gaps = [Gap("inventory", behind)] if behind else []
        gaps += [
            Gap(host.name, f"its role {role} has no suite, so nothing was checked of that work")
            for host in loaded.hosts.values()
            for role in roles.without_suite(host.roles)
        ]
        return cls(loaded, of_inventory(loaded), access.write(loaded), tuple(gaps))

    def subjects(self) -> Subjects:
        hosts = self.inventory.hosts
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


def adopt(loaded: Expectations) -> None:
    """Make these the expectations of this run."""
    global _current
    _current = loaded


def current() -> Expectations:
    """The expectations of this run."""
    if _current is None:
        raise ExpectedError(
            "The suites of verify/ were imported without their expectations.",
            hint="Run them from the clone's folder with: pytest verify/ --stack STACK",
        )
    return _current


def hosts(role: str | None = None) -> list[Host]:
    """The hosts of a role, or all."""
    known = current().inventory
    return known.hosts_of(role) if role else list(known.hosts.values())


def specs(role: str | None = None) -> list[str]:
    """testinfra host specs of a role's hosts, or of all: for `testinfra_hosts`."""
    return [f"ssh://{host.name}" for host in hosts(role)]


def endpoints() -> list[Endpoint]:
    return list(current().inventory.endpoints.values())


def manifests() -> list[Manifest]:
    """The component manifests, by name."""
    return current().manifests


def flows(source: str | None = None, destination: str | None = None) -> list[Flow]:
    """Rows of the flow table with this source and destination."""
    return [
        flow
        for flow in current().inventory.flows
        if source in (None, flow.source) and destination in (None, flow.destination)
    ]


def web_port() -> int:
    """The port at which the gateway reaches the web hosts, from the flow table."""
    ports = sorted(port for flow in flows("gateway", "web") for port in flow.ports)
    if not ports:
        raise ExpectedError(
            f"Stack {current().inventory.stack} allows no flow from the gateway to the web hosts.",
            hint="Add one to livegang:topology.flows, from: gateway, to: web.",
        )
    return ports[0]


def one_of(role: str, capability: str) -> tuple[str, ...]:
    """A need that any one host of a role can meet; ``{member}`` in the capability stands for the host."""
    return tuple(capability.replace("{member}", host.name) for host in hosts(role))


def each(role: str, capability: str) -> tuple[tuple[str, ...], ...]:
    """Needs that every host of a role must meet."""
    return tuple((name,) for name in one_of(role, capability))


def open_flows(source: str, destination: str, place: str) -> tuple[tuple[str, ...], ...]:
    """Needs that every flow from one role to another is open from a place, a host's name or ``{host}``."""
    return tuple((f"flow:{flow.name}@{place}",) for flow in flows(source, destination))
