"""What each host exports to the monitoring, where only the management host may ask (see the flow table)."""

from __future__ import annotations

from hosts.roles import apt
from hosts.roles.context import Context
from hosts.states import Directory, State, Unit
from landscape import ports
from landscape.names import METRIC_FILES

POSTGRESQL_ROLE = "prometheus"
"""The account's name too: PostgreSQL lets it in by its Unix socket, without a password."""
POSTGRESQL_RIGHTS = "pg_monitor"


def service(
    context: Context, name: str, environment: dict[str, str], port: int, reload_on: tuple[str, ...] = ()
) -> list[State]:
    """A Debian package of the Prometheus family, whose unit has the package's name: its drop-in, before the package
    starts it for the first time, the package, the unit."""
    folder = f"/etc/systemd/system/{name}.service.d"
    drop_in = context.template(f"{folder}/10-livegang.conf", "monitoring/exporter.service.j2", environment=environment)
    package = apt.packages(context, name, more_needs=(drop_in.identity,))[0]
    unit = Unit(
        unit=f"{name}.service",
        port=port,
        restart_on=(drop_in.identity,),
        reload_on=reload_on,
        needs=(package.identity,),
    )
    return [Directory(path=folder), drop_in, package, unit]


def node(context: Context) -> list[State]:
    """The host itself: disks, memory, failed units, and what is written to `METRIC_FILES`."""
    address = f"{context.host.address}:{ports.NODE_EXPORTER}"
    arguments = f"--web.listen-address={address} --collector.textfile.directory={METRIC_FILES}"
    return service(context, "prometheus-node-exporter", {"ARGS": arguments}, ports.NODE_EXPORTER)


def postgresql(context: Context) -> list[State]:
    """PostgreSQL on a database host, asked over its Unix socket: no password that could be read or lost."""
    environment = {
        "DATA_SOURCE_NAME": f"host=/run/postgresql user={POSTGRESQL_ROLE} dbname=postgres",
        "ARGS": f"--web.listen-address={context.host.address}:{ports.POSTGRESQL_EXPORTER} --disable-settings-metrics",
    }
    return service(context, "prometheus-postgres-exporter", environment, ports.POSTGRESQL_EXPORTER)
