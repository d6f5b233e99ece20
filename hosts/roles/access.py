"""Who may get in, and how: the administrator, sudo, sshd."""

from __future__ import annotations

from hosts.roles import drop
from hosts.roles.context import Context
from hosts.states import State, Unit, User


def states(context: Context) -> list[State]:
    """SSH by key only, for the administrator only; only the jump host passes connections on, and only to hosts."""
    user = context.inventory.way_in.user
    is_jump_host = context.host.name == context.inventory.way_in.jump_host
    sshd = context.template(
        # Read before what cloud-init wrote there: of two values, sshd takes the first.
        "/etc/ssh/sshd_config.d/10-livegang.conf",
        "base/sshd.conf.j2",
        mode=0o600,
        # sshd wants that folder, which is there only while the service runs.
        check=("/bin/sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -t -f {}"),
        user=user,
        permitted=[host.address for host in context.inventory.hosts.values()] if is_jump_host else [],
    )
    sudoers = context.template(
        "/etc/sudoers.d/95-livegang",
        "base/sudoers.j2",
        mode=0o440,
        check=("/usr/sbin/visudo", "--check", "--quiet", "--file={}"),
        user=user,
    )
    # One sshd, one state of its unit: what the drop needs of it is in a file of its own.
    extra = [drop.sshd(context)] if "transfer" in context.host.roles else []
    return [
        # The account and its keys come with the machine (cloud-init); this is what it may do.
        User(user=user, shell="/bin/bash", groups=("adm", "systemd-journal"), system=False),
        sudoers,
        sshd,
        *extra,
        Unit(unit="ssh.service", reload_on=(sshd.identity, *(file.identity for file in extra)), port=22),
    ]
