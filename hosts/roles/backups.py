"""Backups of the databases: pgBackRest over TLS, from the database hosts to the file host.

The file host keeps the repository and gives the orders; each side knows the other by its certificate and its name in
it. Database hosts push each full segment of their log there, and may read what is theirs; nothing else may.
"""

from __future__ import annotations

from hosts.roles import apt
from hosts.roles.base import INTERNAL_AUTHORITY
from hosts.roles.context import HEADER, Context, text
from hosts.states import BackupStanza, Directory, File, Group, Secret, State, Unit, User
from infra.inventory.model import Host
from landscape import secrets
from landscape.names import BACKUPS

PORT = 8432
CONFIGURATION = "/etc/pgbackrest/pgbackrest.conf"
REPOSITORY_USER = "pgbackrest"
MORE_CONFIGURATION = "/etc/pgbackrest/conf.d"
"""What pgBackRest reads in addition to its configuration, whatever is there."""
KEY_FILE = f"{MORE_CONFIGURATION}/repository-key.conf"
TLS = "/etc/pgbackrest/tls"
LOCKS = "/var/lib/pgbackrest"
FULL_BACKUPS = 4
"""That many weeks one can go back: a full backup is made once a week, and its log is kept as long as it is."""
SCHEDULE = {"full": "Sun *-*-* 01:00:00", "incr": "Mon..Sat *-*-* 01:00:00"}


def repository_host(context: Context) -> Host | None:
    """Where backups go: the first file host; None in a landscape without one."""
    return next(iter(context.inventory.hosts_of("file")), None)


def stanza(context: Context) -> str:
    """pgBackRest's name for the landscape's database."""
    return context.inventory.landscape


def repository(context: Context, mount: str, data: str) -> list[State]:
    """The file host's side."""
    if not context.databases or context.host != repository_host(context):
        return []
    path = BACKUPS
    package = apt.packages(context, "pgbackrest")[0]
    certificate, key = f"{TLS}/server.crt", f"{TLS}/server.key"
    configuration = context.template(
        CONFIGURATION,
        "backups/repository.conf.j2",
        needs=(package.identity,),
        folder=path,
        locks=f"{LOCKS}/lock",
        port=PORT,
        retention=FULL_BACKUPS,
        databases=context.databases,
        stanza=stanza(context),
        data=data,
        certificate=certificate,
        key=key,
        authority=INTERNAL_AUTHORITY,
    )
    pem = (context.host.certificate or "").rstrip("\n") + "\n"
    files: list[File] = [
        text(certificate, pem),
        File(
            path=key,
            content=(Secret(secrets.TLS_KEY.purpose),),
            owner=REPOSITORY_USER,
            group=REPOSITORY_USER,
            mode=0o600,
        ),
    ]
    # On this host alone: the database hosts are given it by this one when they push or restore.
    repository_key = text(
        KEY_FILE,
        f"{HEADER}\n[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=",
        Secret(secrets.BACKUP_KEY.purpose),
        "\n",
        group=REPOSITORY_USER,
        mode=0o640,
    )
    server = _server(
        context, REPOSITORY_USER, configuration, tuple(file.identity for file in files), mount, key=repository_key
    )
    service = server[-1]
    return [
        package,
        Group(group=REPOSITORY_USER),
        User(user=REPOSITORY_USER, group=REPOSITORY_USER, home=LOCKS),
        Directory(path="/etc/pgbackrest"),
        Directory(path=TLS, group=REPOSITORY_USER, mode=0o750),
        # The package gives it to an account that has no part in this here.
        Directory(path=LOCKS, owner=REPOSITORY_USER, group=REPOSITORY_USER, mode=0o750, needs=(package.identity,)),
        Directory(path=path, owner=REPOSITORY_USER, group=REPOSITORY_USER, mode=0o750, needs=(f"mount {mount}",)),
        *files,
        Directory(path=MORE_CONFIGURATION),
        repository_key,
        configuration,
        *server,
        *_timers(context, configuration, mount),
        BackupStanza(
            stanza=stanza(context),
            user=REPOSITORY_USER,
            configuration=CONFIGURATION,
            primary_host=context.primary.name,
            needs=(service.identity, f"directory {path}", f"directory {LOCKS}"),
        ),
    ]


def database(context: Context, certificate: str, key: str, data: str, needs: tuple[str, ...]) -> list[State]:
    """A database host's side; nothing in a landscape without a file host."""
    repository = repository_host(context)
    if repository is None:
        return []
    package = apt.packages(context, "pgbackrest")[0]
    configuration = context.template(
        CONFIGURATION,
        "backups/database.conf.j2",
        needs=(package.identity,),
        repository=repository,
        locks=f"{LOCKS}/lock",
        port=PORT,
        stanza=stanza(context),
        data=data,
        certificate=certificate,
        key=key,
        authority=INTERNAL_AUTHORITY,
        # A file host that stays away must not fill the primary's disk: then the archive has a gap, and the next
        # full backup begins anew.
        queue_mb=(context.host.data_disk_gb or 0) * 1024 // 4,
    )
    files = (f"file {certificate}", f"file {key}")
    return [
        package,
        Directory(path="/etc/pgbackrest"),
        configuration,
        *_server(context, "postgres", configuration, files, needs=needs),
    ]


def archive_command(context: Context) -> str | None:
    """PostgreSQL's `archive_command`; None in a landscape without a file host."""
    if repository_host(context) is None:
        return None
    return f"/usr/bin/pgbackrest --stanza={stanza(context)} archive-push %p"


def _server(
    context: Context,
    user: str,
    configuration: File,
    files: tuple[str, ...],
    mount: str | None = None,
    needs: tuple[str, ...] = (),
    key: File | None = None,
) -> list[State]:
    """The service that the other side speaks to; Debian's own unit runs as another account, and sleeps."""
    unit = context.template(
        "/etc/systemd/system/pgbackrest.service", "backups/pgbackrest.service.j2", user=user, mount=mount
    )
    service = Unit(
        unit="pgbackrest.service",
        restart_on=(unit.identity, configuration.identity, *([key.identity] if key else [])),
        reload_on=files,
        port=PORT,
        needs=(configuration.identity, *files, f"file {INTERNAL_AUTHORITY}", *needs),
    )
    return [unit, service]


def _timers(context: Context, configuration: File, mount: str) -> list[State]:
    service = context.template(
        "/etc/systemd/system/livegang-backup@.service",
        "backups/backup.service.j2",
        user=REPOSITORY_USER,
        stanza=stanza(context),
        mount=mount,
    )
    states: list[State] = [service]
    for kind, when in SCHEDULE.items():
        timer = context.template(
            f"/etc/systemd/system/livegang-backup-{kind}.timer", "backups/backup.timer.j2", kind=kind, when=when
        )
        needs = (service.identity, configuration.identity)
        states += [timer, Unit(unit=f"livegang-backup-{kind}.timer", restart_on=(timer.identity,), needs=needs)]
    return states
