"""The database hosts: a PostgreSQL primary (the first by name) and streaming standbys, on their data disks."""

from __future__ import annotations

from typing import Any

from console import ExpectedError
from hosts.roles import apt, backups, exporters
from hosts.roles.base import INTERNAL_AUTHORITY
from hosts.roles.context import Context, text
from hosts.states import (
    Database,
    DatabaseCluster,
    DatabaseRole,
    DatabaseStandby,
    Directory,
    File,
    FileSystem,
    Mount,
    ReplicationSlot,
    Secret,
    State,
    Unit,
)
from infra.inventory.model import Host
from landscape import ports, secrets
from landscape.names import DATA_DISK, DATABASE_MOUNT

VERSION = "15"
DATA = f"{DATABASE_MOUNT}/postgresql/{VERSION}/main"
CONFIGURATION = f"/etc/postgresql/{VERSION}/main"
CERTIFICATES = "/etc/postgresql/tls"
PASSWORD_FILE = "/etc/postgresql/replication.pgpass"
REPLICATION_ROLE = "replicator"
PACKAGE = f"package postgresql-{VERSION}"


def states(context: Context) -> list[State]:
    """Disk, packages, certificates, configuration, data, service, and on the primary what is in it."""
    is_primary = context.host == context.primary
    cluster = DatabaseCluster(version=VERSION, data=DATA, needs=(PACKAGE,)) if is_primary else _standby(context)
    configuration = _configuration(context, is_primary)
    reloaded = ("pg_hba.conf", "pg_ident.conf", "server.crt", "server.key")
    files = [state for state in configuration if isinstance(state, File)]
    drop_in = context.template(
        f"/etc/systemd/system/postgresql@{VERSION}-main.service.d/10-livegang.conf",
        "database/postgresql.service.j2",
        mount=DATABASE_MOUNT,
    )
    service = Unit(
        unit=f"postgresql@{VERSION}-main.service",
        port=ports.POSTGRESQL,
        deadline=180,
        restart_on=(
            drop_in.identity,
            *(file.identity for file in files if file.path.endswith(("postgresql.conf", "pg_ctl.conf", "environment"))),
        ),
        reload_on=tuple(file.identity for file in files if file.path.endswith(reloaded)),
        needs=(PACKAGE, cluster.identity, f"file {INTERNAL_AUTHORITY}"),
    )
    return [
        *_disk(context),
        *_packages(context),
        *configuration,
        cluster,
        Directory(path=f"/etc/systemd/system/postgresql@{VERSION}-main.service.d"),
        drop_in,
        *backups.database(context, f"{CERTIFICATES}/server.crt", f"{CERTIFICATES}/server.key", DATA, (PACKAGE,)),
        service,
        *(_contents(context, service) if is_primary else []),
        *exporters.postgresql(context),
    ]


def _disk(context: Context) -> list[State]:
    if context.host.data_disk_gb is None:
        raise ExpectedError(
            f"{context.host.name} is a database host without a data disk.",
            hint=f"Set hosts.{context.host.name}.data_disk_gb in Pulumi.{context.inventory.stack}.yaml.",
        )
    return [
        FileSystem(device=DATA_DISK, label="data", mounted_at=DATABASE_MOUNT),
        Mount(device=DATA_DISK, path=DATABASE_MOUNT),
        *(
            Directory(path=path, owner="postgres", group="postgres", mode=0o700, needs=(PACKAGE,))
            for path in (f"{DATABASE_MOUNT}/postgresql", f"{DATABASE_MOUNT}/postgresql/{VERSION}")
        ),
    ]


def _packages(context: Context) -> list[State]:
    # Else the package makes a cluster of its own on the system disk.
    no_cluster = text("/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n")
    return [
        Directory(path="/etc/postgresql-common"),
        no_cluster,
        *apt.packages(context, f"postgresql-{VERSION}", more_needs=(no_cluster.identity,)),
    ]


def _configuration(context: Context, is_primary: bool) -> list[State]:
    """A Debian cluster is a folder of files that its tools read, and the data they point to."""

    def file(name: str, template: str, mode: int = 0o640, **variables: Any) -> File:
        path = f"{CONFIGURATION}/{name}"
        return context.template(
            path, template, owner="postgres", group="postgres", mode=mode, needs=(PACKAGE,), **variables
        )

    def private(path: str, *content: str | Secret) -> File:
        return File(path=path, content=content, owner="postgres", group="postgres", mode=0o600, needs=(PACKAGE,))

    certificate = context.host.certificate
    if certificate is None:
        raise ExpectedError(f"The inventory has no certificate for the database host {context.host.name}.")
    disk_mb = (context.host.data_disk_gb or 0) * 1024
    return [
        *(
            Directory(path=path, owner="postgres", group="postgres", needs=(PACKAGE,))
            for path in (f"/etc/postgresql/{VERSION}", CONFIGURATION)
        ),
        Directory(path=CERTIFICATES, owner="root", group="postgres", mode=0o750, needs=(PACKAGE,)),
        text(f"{CERTIFICATES}/server.crt", certificate.rstrip("\n") + "\n", needs=(PACKAGE,)),
        private(f"{CERTIFICATES}/server.key", Secret(secrets.TLS_KEY.purpose)),
        private(PASSWORD_FILE, f"*:*:*:{REPLICATION_ROLE}:", Secret(secrets.REPLICATION.purpose), "\n"),
        file(
            "postgresql.conf",
            "database/postgresql.conf.j2",
            0o644,
            data=DATA,
            configuration=CONFIGURATION,
            certificates=CERTIFICATES,
            authority=INTERNAL_AUTHORITY,
            port=ports.POSTGRESQL,
            version=VERSION,
            primary=None if is_primary else _connection(context),
            slot=_slot(context.host),
            # A standby that stays away must not fill the primary's disk with what is kept for it.
            slot_limit_mb=disk_mb // 4,
            archive_command=backups.archive_command(context),
        ),
        file("pg_hba.conf", "database/pg_hba.conf.j2", **_access(context)),
        file("pg_ident.conf", "database/empty.j2"),
        file("start.conf", "database/start.conf.j2", 0o644),
        file("environment", "database/empty.j2", 0o644),
        file("pg_ctl.conf", "database/pg_ctl.conf.j2", 0o644),
    ]


def _access(context: Context) -> dict[str, Any]:
    """Who may connect from where: the components' roles from where the flow table lets them, standbys to replicate."""
    flows = [
        flow for flow in context.inventory.flows if flow.destination == "database" and ports.POSTGRESQL in flow.ports
    ]
    prefixes = sorted({prefix for flow in flows if flow.source == "application" for prefix in flow.source_prefixes})
    return {
        "components": context.components,
        "application_prefixes": prefixes,
        "monitoring_role": exporters.POSTGRESQL_ROLE,
        "replication_role": REPLICATION_ROLE,
        "replicas": context.databases,
    }


def _connection(context: Context) -> str:
    """libpq's connection string for the primary, the password apart in its file."""
    return (
        f"host={context.primary.fqdn} port={ports.POSTGRESQL} user={REPLICATION_ROLE} "
        f"application_name={context.host.name} "
        f"passfile={PASSWORD_FILE} sslmode=verify-full sslrootcert={INTERNAL_AUTHORITY} "
        f"ssl_min_protocol_version=TLSv1.3 channel_binding=require connect_timeout=5"
    )


def _slot(host: Host) -> str:
    """The replication slot of a standby: PostgreSQL allows no hyphen in it, which a host's name may have."""
    return host.name.replace("-", "_")


def _standby(context: Context) -> DatabaseStandby:
    return DatabaseStandby(
        version=VERSION,
        data=DATA,
        primary=_connection(context),
        primary_host=context.primary.name,
        slot=_slot(context.host),
        needs=(PACKAGE, f"file {PASSWORD_FILE}", f"file {INTERNAL_AUTHORITY}"),
    )


def _contents(context: Context, service: Unit) -> list[State]:
    needs = (service.identity,)
    databases = sorted({component.database.name for component in context.components})
    return [
        DatabaseRole(
            role=REPLICATION_ROLE, password=Secret(secrets.REPLICATION.purpose), replication=True, needs=needs
        ),
        DatabaseRole(role=exporters.POSTGRESQL_ROLE, member_of=(exporters.POSTGRESQL_RIGHTS,), needs=needs),
        *(ReplicationSlot(slot=_slot(host), needs=needs) for host in context.databases if host != context.primary),
        *(Database(database=name, needs=needs) for name in databases),
        *(
            DatabaseRole(
                role=component.database.role,
                password=Secret(component.database.secret),
                database=component.database.name,
                schema=component.database.schema_,
                needs=(*needs, f"database {component.database.name}"),
            )
            for component in context.components
        ),
    ]
