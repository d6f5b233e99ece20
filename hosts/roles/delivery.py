"""What carries clean files on from the transfer host: the service of `hosts/services/scanner/delivery.py`."""

from __future__ import annotations

import json

from hosts.roles import drop, scanning, shares
from hosts.roles.context import Context, text
from hosts.states import Directory, Group, State, Unit, User
from landscape.names import INCOMING_SHARE

USER = "transfer-delivery"
SETTINGS = "/etc/livegang/transfer-delivery.json"
CREDENTIALS = f"/etc/livegang/{INCOMING_SHARE}.{shares.CREDENTIALS}"
STATUS = f"/run/{USER}/status.json"
RETRY_SECONDS = 300
"""After this time a file that the share refused is tried again: a person may have made room for it."""


def states(context: Context) -> list[State]:
    """The account, its share's password, the program, the unit; nothing in a landscape without a file host."""
    servers = context.inventory.hosts_of("file")
    if not servers:
        return []
    modules = [scanning.module(name) for name in (*scanning.DELIVERY, "__init__.py", "records.py")]
    values = {
        "clean": f"{drop.FOLDER}/clean",
        "server": servers[0].fqdn,
        "share": INCOMING_SHARE,
        "credentials": CREDENTIALS,
        "log": f"/var/log/{USER}/files.log",
        "state": f"/var/lib/{USER}/delivered.jsonl",
        "status": STATUS,
        "scratch": f"/run/{USER}",
        "retry": RETRY_SECONDS,
    }
    settings = text(SETTINGS, json.dumps(values, indent=2) + "\n")
    unit = context.template(
        f"/etc/systemd/system/{USER}.service",
        "transfer/delivery.service.j2",
        user=USER,
        readers=scanning.CLEAN_READERS,
        library=scanning.LIBRARY,
        package=scanning.PACKAGE.rpartition("/")[2],
        settings=SETTINGS,
    )
    client = shares.client(context, shares.incoming(), CREDENTIALS, group=USER)
    return [
        Group(group=USER),
        User(user=USER, group=USER, groups=(scanning.CLEAN_READERS,), home=f"/var/lib/{USER}"),
        *modules,
        Directory(path="/etc/livegang"),
        settings,
        *client,
        unit,
        Unit(
            unit=f"{USER}.service",
            restart_on=(
                *(state.identity for state in (unit, settings, *modules)),
                f"file {CREDENTIALS}",
            ),
            needs=(f"user {USER}", f"directory {drop.FOLDER}/clean", *(state.identity for state in client)),
        ),
    ]
