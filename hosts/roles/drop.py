"""The old hoster's drop: SFTP for one account, shut in a folder of its own, from its own addresses."""

from __future__ import annotations

from console import ExpectedError
from hosts.roles.context import HEADER, Context, text
from hosts.states import Directory, File, Group, State, User
from infra.inventory.model import Transfer
from landscape.names import TRANSFER_FOLDER
from landscape.parties import OLD_HOSTER

CHROOT = f"{TRANSFER_FOLDER}/drop"
INCOMING = f"{CHROOT}/incoming"
KEYS = "/etc/ssh/authorized_keys"
SSHD = "/etc/ssh/sshd_config.d/20-transfer.conf"


def wanted(context: Context) -> Transfer:
    """The stack's wishes. Raises ExpectedError where it has none."""
    if context.inventory.transfer is None:
        raise ExpectedError(
            f"Stack {context.inventory.stack} has the transfer host {context.host.name}, but nothing on its drop.",
            hint="Give livegang:topology a key transfer, see Pulumi.rehearsal.yaml, and bring the stack up.",
        )
    return context.inventory.transfer


def ranges(context: Context) -> list[str]:
    """Where the old hoster may come from, as the flow table says."""
    flows = [flow for flow in context.inventory.flows if flow.source == OLD_HOSTER and 22 in flow.ports]
    return sorted({prefix for flow in flows for prefix in flow.source_prefixes})


def sshd(context: Context) -> File:
    """What sshd lets the old hoster do: nothing but SFTP. Part of the access role's sshd, which reloads for it."""
    return context.template(
        SSHD,
        "transfer/sshd.conf.j2",
        mode=0o600,
        check=("/bin/sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -t -f {}"),
        # Its account and its keys first: a login that leads nowhere is only confusing.
        needs=(f"file {KEYS}/{wanted(context).user}", f"directory {INCOMING}"),
        user=wanted(context).user,
        ranges=ranges(context),
        chroot=CHROOT,
        keys=KEYS,
    )


def states(context: Context) -> list[State]:
    """The account, its keys, and the folders; every folder above a chroot must be root's alone."""
    user = wanted(context).user
    keys = "".join(f"restrict {key}\n" for key in wanted(context).public_keys)
    return [
        Group(group=user),
        User(user=user, group=user, home="/incoming"),
        Directory(path=KEYS),
        text(f"{KEYS}/{user}", f"{HEADER}\n{keys}"),
        Directory(path=TRANSFER_FOLDER),
        Directory(path=CHROOT),
        # root's: its user may write into it, but not open it to others, as an owner could over SFTP.
        Directory(path=INCOMING, group=user, mode=0o770),
    ]
