"""What carries clean files on from the transfer host: the service of `hosts/services/scanner/delivery.py`."""

from __future__ import annotations

import json

from hosts.roles import scanning, shares
from hosts.roles.context import Context, text
from hosts.states import Directory, Group, State, Unit, User
from landscape.names import DELIVERY, INCOMING_SHARE, TRANSFER_FOLDER, files_log, status_file

SETTINGS = f"/etc/livegang/{DELIVERY}.json"
CREDENTIALS = f"/etc/livegang/{INCOMING_SHARE}.{shares.CREDENTIALS}"
STATUS = status_file(DELIVERY)
RETRY_SECONDS = 300
"""After this time a file that the share refused is tried again: a person may have made room for it."""


def states(context: Context) -> list[State]:
    """The account, its share's password, the program, the unit; nothing in a landscape without a file host."""
    servers = context.inventory.hosts_of("file")
    if not servers:
        return []
    modules = [scanning.module(name) for name in (*scanning.DELIVERY_MODULES, "__init__.py", "records.py")]
    values = {
        "clean": f"{TRANSFER_FOLDER}/clean",
        "server": servers[0].fqdn,
        "share": INCOMING_SHARE,
        "credentials": CREDENTIALS,
        "log": files_log(DELIVERY),
        "state": f"/var/lib/{DELIVERY}/delivered.jsonl",
        "status": STATUS,
        "scratch": f"/run/{DELIVERY}",
        "retry": RETRY_SECONDS,
    }
    settings = text(SETTINGS, json.dumps(values, indent=2) + "\n")
    unit = context.template(
        f"/etc/systemd/system/{DELIVERY}.service",
        "transfer/delivery.service.j2",
        user=DELIVERY,
        readers=scanning.CLEAN_READERS,
        library=scanning.LIBRARY,
        package=scanning.PACKAGE.rpartition("/")[2],
        settings=SETTINGS,
    )
    client = shares.client(context, shares.incoming(), CREDENTIALS, group=DELIVERY)
    return [
        Group(group=DELIVERY),
        User(user=DELIVERY, group=DELIVERY, groups=(scanning.CLEAN_READERS,), home=f"/var/lib/{DELIVERY}"),
        *modules,
        Directory(path="/etc/livegang"),
        settings,
        *client,
        unit,
        Unit(
            unit=f"{DELIVERY}.service",
            restart_on=(
                *(state.identity for state in (unit, settings, *modules)),
                f"file {CREDENTIALS}",
            ),
            needs=(f"user {DELIVERY}", f"directory {TRANSFER_FOLDER}/clean", *(state.identity for state in client)),
        ),
    ]
