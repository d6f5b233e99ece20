"""The monitoring on the management host: Prometheus, the view of the six sites from outside, alerts and their log."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from hosts import services
from hosts.roles import apt, backups, exporters, own_metrics
from hosts.roles.context import Context, text
from hosts.states import Directory, File, State, Unit
from landscape import ports
from landscape.names import ALERT_LOG, ALERTS

FOLDER = "/etc/prometheus"
RULES = f"{FOLDER}/rules"
PORTS = {
    "node": ports.NODE_EXPORTER,
    "postgresql": ports.POSTGRESQL_EXPORTER,
    # Loopback only: whoever looks at these comes over ssh.
    "prometheus": ports.PROMETHEUS,
    "alertmanager": ports.ALERTMANAGER,
    "blackbox": 9115,
    "alert_log": 9099,
}
ALERT_PROGRAM = "/usr/local/lib/livegang/alert_log.py"
LARGEST_LAG = 64 * 1024 * 1024
"""Bytes of write-ahead log that a standby may be behind for minutes before there is an alert."""
OLDEST_BACKUP = {"oldest_seconds": 26 * 3600, "oldest_full_seconds": 8 * 86400}
"""A backup is made every night and a full one every week, each may take two hours; a full one may fail once."""
INTERNAL_CERTIFICATE_DAYS = 45
"""A certificate of the internal authority is made anew by a person: `pulumi up --target-replace`."""
RETENTION = "--storage.tsdb.retention.time=30d --storage.tsdb.retention.size=8GB"


def states(context: Context) -> list[State]:
    """All of it; that the hosts have exporters is the base's and the database role's matter."""
    return [*_alert_log(context), *_prometheus(context), *_alertmanager(context), *_blackbox(context)]


def certificates(context: Context) -> list[tuple[int, list[str]]]:
    """Endpoints by the days for which their certificate must be valid at least."""
    by_days: dict[int, list[str]] = defaultdict(list)
    for endpoint in context.inventory.endpoints.values():
        by_days[endpoint.minimum_certificate_days].append(endpoint.name)
    return sorted(by_days.items())


def own_metrics_of(context: Context) -> list[tuple[str, str]]:
    """Host and kind of all metrics that hosts export of their own."""
    return [(host.name, kind) for host in context.inventory.hosts.values() for kind in own_metrics.kinds(context, host)]


def _prometheus(context: Context) -> list[State]:
    rules = context.template(
        f"{RULES}/livegang.yml",
        "monitoring/rules.yml.j2",
        check=("/usr/bin/promtool", "check", "rules", "{}"),
        needs=("package prometheus",),
        databases=context.databases,
        certificates=certificates(context),
        largest_lag=LARGEST_LAG,
        backups=OLDEST_BACKUP if context.databases and backups.repository_host(context) else None,
        transfer=context.inventory.transfer if context.inventory.hosts_of("transfer") else None,
        delivers=bool(context.inventory.hosts_of("file")),
        own_metrics=own_metrics_of(context),
        internal_certificate_days=INTERNAL_CERTIFICATE_DAYS,
    )
    configuration = context.template(
        f"{FOLDER}/prometheus.yml",
        "monitoring/prometheus.yml.j2",
        check=("/usr/bin/promtool", "check", "config", "{}"),
        needs=("package prometheus", rules.identity),
        ports=PORTS,
        rules=f"{RULES}/*.yml",
        databases=context.databases,
    )
    arguments = f"--web.listen-address=127.0.0.1:{PORTS['prometheus']} {RETENTION}"
    return [
        Directory(path=RULES, needs=("package prometheus",)),
        rules,
        configuration,
        *_service(context, "prometheus", PORTS["prometheus"], arguments, configuration, rules),
    ]


def _alertmanager(context: Context) -> list[State]:
    name, port = "prometheus-alertmanager", PORTS["alertmanager"]
    configuration = context.template(
        f"{FOLDER}/alertmanager.yml",
        "monitoring/alertmanager.yml.j2",
        check=("/usr/bin/amtool", "check-config", "{}"),
        needs=(f"package {name}",),
        ports=PORTS,
    )
    # Alone: it has no others of its kind to talk to.
    arguments = f"--web.listen-address=127.0.0.1:{port} --cluster.listen-address="
    return [configuration, *_service(context, name, port, arguments, configuration)]


def _blackbox(context: Context) -> list[State]:
    name, port = "prometheus-blackbox-exporter", PORTS["blackbox"]
    configuration = context.template(
        f"{FOLDER}/blackbox.yml",
        "monitoring/blackbox.yml.j2",
        check=(f"/usr/bin/{name}", "--config.check", "--config.file={}"),
        needs=(f"package {name}",),
    )
    arguments = f"--web.listen-address=127.0.0.1:{port} --config.file={configuration.path}"
    return [configuration, *_service(context, name, port, arguments, configuration)]


def _service(context: Context, name: str, port: int, arguments: str, *files: File) -> list[State]:
    return exporters.service(context, name, {"ARGS": arguments}, port, reload_on=tuple(file.identity for file in files))


def _alert_log(context: Context) -> list[State]:
    python = apt.packages(context, "python3")[0]
    program = text(ALERT_PROGRAM, (Path(services.__path__[0]) / "alert_log.py").read_text(), needs=(python.identity,))
    unit = context.template(
        f"/etc/systemd/system/{ALERT_LOG}.service",
        "monitoring/alert-log.service.j2",
        program=ALERT_PROGRAM,
        port=PORTS["alert_log"],
        state=ALERT_LOG,
        file=ALERTS,
    )
    return [
        Directory(path="/usr/local/lib/livegang"),
        python,
        program,
        unit,
        Unit(
            unit=f"{ALERT_LOG}.service",
            port=PORTS["alert_log"],
            restart_on=(unit.identity, program.identity),
        ),
    ]
