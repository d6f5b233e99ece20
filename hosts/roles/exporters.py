"""What each host exports to the monitoring, where only the management host may ask (see the flow table)."""

from __future__ import annotations

from hosts.roles import apt
from hosts.roles.context import Context
from hosts.states import Directory, State, Unit

NODE_PORT = 9100
POSTGRESQL_PORT = 9187
TEXTFILES = "/var/lib/prometheus/node-exporter"
"""Debian's own folder for metrics that a host writes itself: ``NAME.prom``, put there in one move."""
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
    """The host itself: disks, memory, failed units, and what is written to :data:`TEXTFILES`."""
    arguments = f"--web.listen-address={context.host.address}:{NODE_PORT} --collector.textfile.directory={TEXTFILES}"
    return service(context, "prometheus-node-exporter", {"ARGS": arguments}, NODE_PORT)


def postgresql(context: Context) -> list[State]:
    """PostgreSQL on a database host, asked over its Unix socket: no password that could be read or lost."""
    environment = {
        "DATA_SOURCE_NAME": f"host=/run/postgresql user={POSTGRESQL_ROLE} dbname=postgres",
        "ARGS": f"--web.listen-address={context.host.address}:{POSTGRESQL_PORT} --disable-settings-metrics",
    }
    return service(context, "prometheus-postgres-exporter", environment, POSTGRESQL_PORT)
