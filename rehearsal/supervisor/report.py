"""What the supervisor reports about the rehearsal: for status, shells and logs."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rehearsal import network
from rehearsal.base.cgroups import ROOT, Cgroup
from rehearsal.base.handler import HandlerError
from rehearsal.base.records import Record
from rehearsal.base.world import World
from rehearsal.gateway.health import backend_health
from rehearsal.machines.host import Host, State
from rehearsal.machines.host_registry import Hosts
from rehearsal.machines.virtual_machine import TOKEN, computer_name, interface_of
from rehearsal.supervisor.lifecycle import Resources

WAF_LOG = "/var/log/nginx/modsec_audit.log"


def status(world: World, hosts: Hosts, resources: Resources, started: float) -> dict[str, Any]:
    """Everything for `rehearsal.status`: hosts, services, what is recorded only; memory in bytes, times in seconds."""
    known = hosts.all()
    with ThreadPoolExecutor(max(1, len(known))) as pool:
        described = list(pool.map(lambda pair: _host(world, hosts.role(pair[0]), *pair), known))
    described += [
        _host_to_be_restored(record)
        for record in world.records.of_type(TOKEN)
        if record.complete and hosts.get(record.id) is None
    ]
    return {
        "state": str(world.settings.state),
        "uptime": time.time() - started,
        "memory": Cgroup(ROOT).usage().memory,
        "hosts": sorted(described, key=lambda host: str(host["name"])),
        "services": [
            {"name": name, "alive": world.containers.alive(name), "memory": world.containers.usage(name).memory}
            for name in world.containers.names()
        ],
        "backends": _backends(world, described),
        "recorded_only": resources.recorded_only(),
    }


def place(world: World, hosts: Hosts, name: str) -> dict[str, Any]:
    """Where `rehearsal.shell` goes: a leader's process id (as the supervisor sees it), or a network namespace.

    ``network`` is the router, where all subnets meet.
    """
    for _, host in hosts.all():
        if name == host.name:
            if (leader := host.leader()) is None:
                raise HandlerError(f"{name} is {host.state}; start it: fab rehearsal.start {name}")
            return {"leader": leader, "namespace": None}
    if name in world.containers.names():
        return {"leader": world.containers.leader(name), "namespace": None}
    namespace = "router" if name == "network" else name
    if world.namespaces.exists(namespace):
        return {"leader": None, "namespace": namespace}
    raise HandlerError(f"There is no {name} to go to; there are: {', '.join([*_running(world, hosts), 'network'])}.")


def logs(world: World, hosts: Hosts, name: str, lines: int) -> str:
    """The journal's end of a host (the console's where it has none); the log of a service; of `gateway`, its WAF's."""
    for _, host in hosts.all():
        if name == host.name:
            return host.journal(lines) or host.explain(lines)
    if name in world.containers.names():
        own = world.containers.log_end(name, lines)
        if name != "gateway" or not world.containers.alive(name):
            return own
        waf = world.containers.run(name, ["sh", "-c", f"test ! -e {WAF_LOG} || tail -n {lines} {WAF_LOG}"])
        return waf or own
    raise HandlerError(f"{name} has no log; there are: {', '.join(_running(world, hosts))}.")


def _running(world: World, hosts: Hosts) -> list[str]:
    return [*[host.name for _, host in hosts.all()], *world.containers.names()]


def _backends(world: World, hosts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the application gateway thinks of each server behind it, with the name of the host at its address."""
    names = {host["address"]: host["name"] for host in hosts}
    return [{**server, "host": names.get(server["server"], "")} for server in backend_health(world)]


def _host(world: World, role: str, identifier: str, host: Host) -> dict[str, Any]:
    usage = host.cgroup.usage()
    return {
        "id": identifier,
        "name": host.name,
        "role": role,
        "state": host.state,
        "since": time.time() - host.since,
        "address": _address(world, identifier),
        "memory": usage.memory,
        "cpu_seconds": usage.cpu_seconds,
        "processes": usage.processes,
        **_units(host),
    }


def _host_to_be_restored(record: Record) -> dict[str, Any]:
    """One whose turn has not come yet after the supervisor's start."""
    return {
        "id": record.id.lower(),
        "name": computer_name(record.id, record.properties),
        "role": "",
        "state": State.STARTING,
        "since": 0.0,
        "address": None,
        "memory": 0,
        "cpu_seconds": 0.0,
        "processes": 0,
        "services": None,
        "failed": [],
    }


def _address(world: World, identifier: str) -> str | None:
    record = world.records.get(identifier)
    interface = interface_of(record.properties) if record else None
    try:
        return network.address_of(world, interface) if interface else None
    except HandlerError:
        return None  # the interface is gone, which the network's own Read reports


def _units(host: Host) -> dict[str, Any]:
    """How many services run, and which units failed."""
    if host.state is not State.RUNNING:
        return {"services": None, "failed": []}
    command = ["systemctl", "list-units", "--type=service", "--state=running,failed", "--no-legend", "--plain"]
    try:
        rows = [line.split() for line in host.run(command, 10).splitlines() if line.strip()]
    except HandlerError:
        return {"services": None, "failed": []}
    failed = [row[0] for row in rows if row[2] == "failed"]
    return {"services": len(rows) - len(failed), "failed": failed}
