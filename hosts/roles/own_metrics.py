"""What each role's host exports beyond the node exporter's own metrics: `hosts/services/metrics.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hosts import services
from hosts.roles import apt, backups, database, delivery, scanning
from hosts.roles.base import INTERNAL_AUTHORITY
from hosts.roles.context import Context, text
from hosts.states import Directory, State, Unit
from infra.inventory.model import Host
from landscape.names import METRIC_FILES

NAME = "livegang-metrics"
PROGRAM = "/usr/local/lib/livegang/metrics.py"
SETTINGS = "/etc/livegang/metrics.json"


def kinds(context: Context, host: Host) -> dict[str, dict[str, Any]]:
    """What a host of its role knows, by kind; each becomes a file ``livegang-KIND.prom``."""
    found: dict[str, dict[str, Any]] = {}
    keeps_backups = bool(context.databases) and host == backups.repository_host(context)
    if keeps_backups:
        found["backups"] = {"stanza": backups.stanza(context), "user": backups.REPOSITORY_USER}
    if "transfer" in host.roles:
        services = {"scanner": scanning.STATUS}
        if context.inventory.hosts_of("file"):
            services["delivery"] = delivery.STATUS
        found["drop"] = {"services": services}
    certificates = [f"{database.CERTIFICATES}/server.crt"] if "database" in host.roles else []
    certificates += [f"{backups.TLS}/server.crt"] if keeps_backups else []
    if certificates:
        found["certificates"] = {"files": [INTERNAL_AUTHORITY, *certificates]}
    return found


def states(context: Context) -> list[State]:
    """The program and its timer; nothing on hosts that have nothing to export."""
    wanted = kinds(context, context.host)
    if not wanted:
        return []
    python = apt.packages(context, "python3")  # openssl is in the image, as whatever trusts certificates needs it
    program = text(PROGRAM, (Path(services.__path__[0]) / "metrics.py").read_text())
    settings = text(SETTINGS, json.dumps({"folder": METRIC_FILES, "kinds": wanted}, indent=2) + "\n")
    service = context.template(
        f"/etc/systemd/system/{NAME}.service",
        "monitoring/metrics.service.j2",
        program=PROGRAM,
        settings=SETTINGS,
        folder=METRIC_FILES,
    )
    known = (
        *(["unit pgbackrest.service"] if "backups" in wanted else []),
        *(f"file {path}" for path in wanted.get("certificates", {}).get("files", [])),
    )
    timer = context.template(f"/etc/systemd/system/{NAME}.timer", "monitoring/metrics.timer.j2")
    return [
        Directory(path="/usr/local/lib/livegang"),
        Directory(path="/etc/livegang"),
        *python,
        program,
        settings,
        service,
        timer,
        Unit(
            unit=f"{NAME}.timer",
            restart_on=(timer.identity, service.identity, settings.identity),
            needs=(
                program.identity,
                "package prometheus-node-exporter",
                *known,
                *(package.identity for package in python),
            ),
        ),
    ]
