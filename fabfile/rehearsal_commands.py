"""`fab rehearsal.*`: look at the rehearsal, go into it, and bring it down."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task
from rich.table import Table

from console import console, interruptible, step
from fabfile import snapshot_commands as snapshots
from rehearsal.base import nspawn
from rehearsal.base.settings import Settings
from rehearsal.control.client import Supervisor, SupervisorError

HEALTH = {"Healthy": "green", "Unhealthy": "red"}
COLOURS = {"running": "green", "starting": "yellow", "stopped": "yellow", "gone": "red"}


@task
def status(context: Context) -> None:
    """Show the rehearsal's hosts and services, and what is recorded only."""
    settings = Settings.for_this_clone()
    supervisor = Supervisor(settings)
    if not supervisor.alive():
        left = "; its hosts come back with: fab infra.up --refresh" if any(settings.machines.glob("*")) else ""
        console.print(f"No rehearsal is running in {settings.state}{left}.")
        _show_snapshots(settings)
        return
    answer = supervisor.call("status")
    console.print(_hosts(answer["hosts"]))
    console.print(_services(answer["services"]))
    if answer["backends"]:
        console.print(_backends(answer["backends"]))
    _show_snapshots(settings)
    for token, count in sorted(answer["recorded_only"].items()):
        console.print(f"recorded only: {token.removeprefix('azure-native:')} ({count})")
    console.print(
        f"[dim]{answer['state']} · up {_duration(answer['uptime'])} · {_mebibytes(answer['memory'])} in all[/]"
    )


def _show_snapshots(settings: Settings) -> None:
    if (shown := snapshots.table(settings)) is not None:
        console.print(shown)


@task(
    positional=["host"],
    help={
        "host": "a host, a service such as gateway, outside or operator, or network: the router between all subnets",
        "command": "run this there and end, instead of a shell",
    },
)
def shell(context: Context, host: str, command: str = "") -> None:
    """Go into a host or a place of the rehearsal's network as root."""
    supervisor = Supervisor()
    place = supervisor.call("place", {"name": host})
    outer = ["nsenter", f"--target={supervisor.process_id()}", "-m", "-p", "-n", "-u", "-i", "-C", "--"]
    wanted = ["sh", "-c", command] if command else ["sh", "-c", "exec $(command -v bash || echo sh)"]
    if place["leader"] is None:
        inner = ["nsenter", f"--net=/run/netns/{place['namespace']}", "--", *nspawn.clean(wanted)]
    else:
        inner = nspawn.enter(place["leader"], wanted)
    sys.stdout.flush()
    raise SystemExit(subprocess.run([*outer, *inner], check=False).returncode)


@task(
    positional=["host"],
    help={"host": "a host or a service; of gateway, its web application firewall's log", "lines": "how many lines"},
)
def logs(context: Context, host: str, lines: int = 50) -> None:
    """Show the end of a host's journal or a service's log."""
    print(Supervisor().call("logs", {"name": host, "lines": lines}))


@task
def down(context: Context) -> None:
    """Bring the rehearsal down: stop all hosts, and remove everything of it but keys and caches."""
    from rehearsal.control import teardown

    settings = Settings.for_this_clone()
    reached = "what was asked to stop continues to stop, the rest is unchanged"
    with (
        interruptible(reached, hint="Nothing is lost by doing it again: fab rehearsal.down"),
        step(f"Bringing down the rehearsal in {settings.state}"),
    ):
        teardown.down(settings, _progress)


@task
def restart(context: Context) -> None:
    """Start the supervisor again with this clone's code: hosts power off and boot on the disks they have."""
    from rehearsal.control import launch, teardown

    settings = Settings.for_this_clone()
    with (
        interruptible("hosts keep their disks", hint="Go on from there: fab rehearsal.restart"),
        step(f"Restarting the rehearsal in {settings.state}"),
    ):
        if not Supervisor(settings).reachable():
            raise SupervisorError(
                f"No rehearsal is running in {settings.state}.",
                hint="Start it: fab infra.up --refresh, or all of it: make rehearse",
            )
        teardown.end(settings, _progress)
        launch.ensure(settings, _progress)
        Supervisor(settings).call("restored", log=_progress)


def _progress(line: str) -> None:
    console.print(f"  [dim]{line}[/]")


@task(positional=["host"])
def start(context: Context, host: str) -> None:
    """Start a host that was stopped; one that is gone only `pulumi up --refresh` brings back."""
    _tell(host, "start", "Starting")


@task(positional=["host"])
def stop(context: Context, host: str) -> None:
    """Power a host off."""
    _tell(host, "stop", "Stopping")


@task(positional=["host"])
def reboot(context: Context, host: str) -> None:
    """Reboot a host and wait until it is back."""
    _tell(host, "reboot", "Rebooting")


@task(positional=["host"])
def kill(context: Context, host: str) -> None:
    """End a host at once, as if its hardware were lost: to Azure it is gone then."""
    _tell(host, "kill", "Killing")


def _tell(host: str, action: str, doing: str) -> None:
    reached = f"{host} has its command already; see how it went: fab rehearsal.status"
    with interruptible(reached, hint=f"To be sure, again: fab rehearsal.{action} {host}"), step(f"{doing} {host}"):
        answer = Supervisor().call("host", {"name": host, "action": action})
    console.print(f"{answer['name']} is {answer['state']}{'; ' + answer['note'] if answer['note'] else ''}.")


def _hosts(hosts: list[dict[str, Any]]) -> Table:
    table = Table(title="Hosts", title_justify="left", box=None)
    for column in ("host", "state", "address", "for", "memory", "processor", "services"):
        right = column in ("for", "memory", "processor")
        table.add_column(column, justify="right" if right else "left", no_wrap=column != "services")
    for host in hosts:
        services = "" if host["services"] is None else f"{host['services']} running"
        if host["failed"]:
            services += f", [red]failed: {', '.join(host['failed'])}[/]"
        table.add_row(
            host["name"],
            f"[{COLOURS[host['state']]}]{host['state']}[/]",
            host["address"] or "",
            _duration(host["since"]),
            _mebibytes(host["memory"]),
            f"{host['cpu_seconds']:.1f} s",
            services,
        )
    return table


def _services(services: list[dict[str, Any]]) -> Table:
    table = Table(title="Services", title_justify="left", box=None)
    for column in ("service", "state", "memory"):
        table.add_column(column, justify="right" if column == "memory" else "left")
    for service in services:
        state = "[green]running[/]" if service["alive"] else "[red]ended[/]"
        table.add_row(service["name"], state, _mebibytes(service["memory"]))
    return table


def _backends(servers: list[dict[str, Any]]) -> Table:
    """Whom the gateway sends requests to, in Azure's words, and what its last probe found."""
    table = Table(title="Behind the gateway", title_justify="left", box=None)
    for column in ("pool", "host", "address", "health", "for", "last probe"):
        table.add_column(column, justify="right" if column == "for" else "left")
    for server in servers:
        colour = HEALTH.get(server["health"], "yellow")
        health = f"[{colour}]{server['health']}[/]"
        table.add_row(
            server["pool"], server["host"], server["server"], health, _duration(server["since"]), server["reason"]
        )
    return table


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min" if minutes else "< 1 min"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


namespace = Collection(
    status, shell, logs, down, restart, start, stop, reboot, kill, snapshots.snapshot, snapshots.reset
)
