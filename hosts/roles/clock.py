"""Time: every host follows the management host, and that one the stack's time servers or its own clock."""

from __future__ import annotations

from hosts.roles import apt
from hosts.roles.context import Context
from hosts.states import Directory, State, Unit

STARTER = "/usr/local/lib/livegang/start-chronyd"
DROP_IN = "/etc/systemd/system/chrony.service.d"


def states(context: Context) -> list[State]:
    """chrony, also where the host may not set its clock: there it follows without steering, as a container must."""
    package = apt.packages(context, "chrony")[0]
    configuration = context.template(
        "/etc/chrony/chrony.conf",
        "base/chrony.conf.j2",
        needs=(package.identity,),
        server=None if context.host == context.management else context.management,
    )
    starter = context.template(STARTER, "base/start-chronyd.j2", mode=0o755)
    drop_in = context.template(f"{DROP_IN}/10-livegang.conf", "base/chrony.service.j2", starter=STARTER)
    return [
        package,
        configuration,
        Directory(path="/usr/local/lib/livegang"),
        starter,
        Directory(path=DROP_IN),
        drop_in,
        Unit(
            unit="chrony.service",
            restart_on=(configuration.identity, starter.identity, drop_in.identity),
            needs=(package.identity,),
        ),
    ]
