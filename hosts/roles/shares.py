"""Clients' documents: a share for each area over SMB 3.1.1, and the accounts that use them."""

from __future__ import annotations

from dataclasses import dataclass

from console import ExpectedError
from hosts.roles import apt
from hosts.roles.context import Context, text
from hosts.states import Directory, File, FileSystem, Group, Mount, Secret, ShareUser, State, Unit, User
from landscape import ports, secrets
from landscape.names import DATA_DISK, DOCUMENTS, FILES_MOUNT, INCOMING_SHARE

CREDENTIALS = "smb.credentials"
"""Ending of a client's file with user and password, as `smbclient --authentication-file` reads it."""


@dataclass(frozen=True)
class Share:
    """One share, its folder, and the one account that may use it."""

    name: str
    title: str
    durable: bool = False
    """True: every write reaches the disk before it is answered."""

    @property
    def path(self) -> str:
        return f"{DOCUMENTS}/{self.name}"

    @property
    def group(self) -> str:
        """Whoever is in it may read and write all of the share; all others have no right at all."""
        return f"documents-{self.name}"

    @property
    def user(self) -> str:
        return f"smb-{self.name}"

    @property
    def secret(self) -> str:
        """Purpose of the account's password."""
        return secrets.AREA_SHARE.of(self.name)


def areas(context: Context) -> list[Share]:
    """The areas' shares."""
    return [
        Share(component.name, f"Documents of {component.title.removesuffix(' (stand-in)')}")
        for component in context.components
        if component.name in context.inventory.endpoints
    ]


def all_shares(context: Context) -> list[Share]:
    """The areas' shares, and the one for what arrives."""
    return [*areas(context), incoming()]


def incoming() -> Share:
    """The share for what arrives. What is written there is on the disk before the answer: it counts as delivered."""
    return Share(INCOMING_SHARE, "Delivered by the transfer host", durable=True)


def states(context: Context) -> list[State]:
    """Disk, packages, groups, accounts, folders, configuration, service."""
    shares = all_shares(context)
    packages = apt.packages(context, "samba", "samba-vfs-modules", "smbclient")
    installed = packages[0].identity
    configuration = context.template(
        "/etc/samba/smb.conf",
        "file/smb.conf.j2",
        # It answers 1 for a mistake; its advice about the role goes to standard error.
        check=("/usr/bin/testparm", "--suppress-prompt", "{}"),
        needs=(installed,),
        shares=shares,
    )
    folder = "/etc/systemd/system/smbd.service.d"
    drop_in = context.template(f"{folder}/10-livegang.conf", "file/mounted.service.j2", mount=FILES_MOUNT)
    return [
        *disk(context),
        *packages,
        *(state for share in shares for state in _account(share)),
        Directory(path=DOCUMENTS, needs=(f"mount {FILES_MOUNT}",)),
        *(
            Directory(path=share.path, group=share.group, mode=0o2770, needs=(f"directory {DOCUMENTS}",))
            for share in shares
        ),
        configuration,
        # NetBIOS names, which no one needs here.
        Unit(unit="nmbd.service", enabled=False, running=False, needs=(installed,)),
        Directory(path=folder),
        drop_in,
        Unit(
            unit="smbd.service",
            reload_on=(configuration.identity,),
            restart_on=(drop_in.identity,),
            port=ports.SMB,
            needs=(installed, f"mount {FILES_MOUNT}", configuration.identity),
        ),
        *(
            ShareUser(user=share.user, password=Secret(share.secret), needs=(installed, f"user {share.user}"))
            for share in shares
        ),
    ]


def disk(context: Context) -> list[State]:
    """Documents and backups are on the data disk, never on the system disk."""
    if context.host.data_disk_gb is None:
        raise ExpectedError(
            f"{context.host.name} is a file host without a data disk.",
            hint=f"Set hosts.{context.host.name}.data_disk_gb in Pulumi.{context.inventory.stack}.yaml.",
        )
    return [
        FileSystem(device=DATA_DISK, label="files", mounted_at=FILES_MOUNT),
        Mount(device=DATA_DISK, path=FILES_MOUNT),
    ]


def _account(share: Share) -> list[State]:
    return [Group(group=share.group), User(user=share.user, group=share.group)]


def client(context: Context, share: Share, path: str, group: str) -> list[State]:
    """What a host needs to use a share: the client, and the account's name and password in a file for a group."""
    credentials: File = text(
        path,
        f"username = {share.user}\npassword = ",
        Secret(share.secret),
        "\n",
        group=group,
        mode=0o640,
    )
    return [*apt.packages(context, "smbclient"), credentials]
