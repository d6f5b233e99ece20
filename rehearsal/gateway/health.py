"""What HAProxy reports about itself and its servers, at its runtime interface in the gateway's namespace."""

from __future__ import annotations

import csv
import socket
from dataclasses import asdict, dataclass
from typing import Any

from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.gateway.haproxy import ADMIN_PORT

NAMESPACE = "gateway"
TIMEOUT = 5.0

_HEALTH = {"UP": "Healthy", "DOWN": "Unhealthy", "DRAIN": "Draining", "MAINT": "Draining", "no check": "Unknown"}


@dataclass(frozen=True)
class ServerHealth:
    """One server of a pool, in Azure's terms."""

    pool: str
    settings: str
    server: str
    """Its address."""
    health: str
    """Healthy, Unhealthy, Draining or Unknown."""
    reason: str
    """Result of the last probe, e.g. ``L7STS 503``."""
    since: int
    """Seconds since this changed last."""


def ask(world: World, command: str) -> str:
    """The answer to one command. Raises OSError if HAProxy does not answer."""
    with world.namespaces.connect(NAMESPACE, ("127.0.0.1", ADMIN_PORT), TIMEOUT) as connection:
        connection.settimeout(TIMEOUT)
        connection.sendall(command.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def backend_health(world: World) -> list[dict[str, Any]]:
    """The health of every server of every pool, for `rehearsal.status`; empty if there is no gateway."""
    if not world.records.of_type("network:ApplicationGateway"):
        return []
    try:
        return [asdict(server) for server in servers(ask(world, "show stat -1 4 -1"))]
    except (OSError, HandlerError):
        return []  # no gateway answers, which its own Read reports


def servers(table: str) -> list[ServerHealth]:
    """Read HAProxy's statistics: CSV whose header begins with `# `."""
    found = []
    for row in csv.DictReader(table.removeprefix("# ").splitlines()):
        pool, _, settings = row["pxname"].partition(":")
        status = row["status"].split(" ")[0] if row["status"] != "no check" else "no check"
        reason = f"{row['check_status']} {row['check_code']}".replace("* ", "").strip()
        found.append(
            ServerHealth(pool, settings, row["svname"], _HEALTH.get(status, status), reason, int(row["lastchg"] or 0))
        )
    return found
