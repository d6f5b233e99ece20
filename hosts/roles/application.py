"""The application hosts: the Vivendi components, each as its manifest says."""

from __future__ import annotations

import configparser
import io

from hosts.components.manifest import Manifest
from hosts.roles import apt, shares
from hosts.roles.base import INTERNAL_AUTHORITY
from hosts.roles.context import HEADER, Context, text
from hosts.states import Archive, Directory, Group, Secret, State, Unit, User
from landscape import ports

FOLDER = "/etc/vivendi"


def states(context: Context) -> list[State]:
    """All components, each with user, archive, configuration, password and unit."""
    components = [_states(context, component) for component in context.components]
    return [
        Directory(path=FOLDER),
        *(state for states in components for state in states),
        *_documents(context),
    ]


def _documents(context: Context) -> list[State]:
    """Each component's way to the documents of its own area; none in a landscape without a file host."""
    if not context.inventory.hosts_of("file"):
        return []
    users = {component.name: component.service.user for component in context.components}
    states = [
        state
        for share in shares.areas(context)
        for state in shares.client(
            context, share, f"{FOLDER}/{share.name}.{shares.CREDENTIALS}", group=users[share.name]
        )
    ]
    return list({state.identity: state for state in states}.values())


def _states(context: Context, component: Manifest) -> list[State]:
    user = component.service.user
    artifact = component.artifact
    packages = apt.packages(context, "python3", *component.packages)
    archive = Archive(
        component=component.name,
        version=component.version,
        file=artifact.file,
        sha256=artifact.sha256,
        target=f"{artifact.target}/{component.name}",
    )
    configuration = text(f"{FOLDER}/{component.name}.conf", f"{HEADER}\n{_configuration(context, component)}")
    password = text(
        f"{FOLDER}/{component.name}.password", Secret(component.database.secret), "\n", group=user, mode=0o640
    )
    unit = context.template(
        f"/etc/systemd/system/{component.service.unit}.service",
        "application/component.service.j2",
        component=component,
    )
    return [
        Group(group=user),
        User(user=user, group=user, home=artifact.target),
        *packages,
        Directory(path=artifact.target),
        Directory(path=f"{artifact.target}/{component.name}"),
        archive,
        configuration,
        password,
        unit,
        Unit(
            unit=f"{component.service.unit}.service",
            restart_on=(unit.identity, configuration.identity, archive.identity),
            port=component.port,
            needs=(
                password.identity,
                f"user {user}",
                f"file {INTERNAL_AUTHORITY}",
                *(package.identity for package in packages),
            ),
        ),
    ]


def _configuration(context: Context, component: Manifest) -> str:
    """The component's configuration file, INI: where it listens, its database, and the manifest's own settings."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict(
        {
            "service": {
                "listen": str(context.host.address),
                "port": str(component.port),
                "health_path": component.health.path,
                "sync_path": component.sync.path,
            },
            "database": {
                # Whichever of them accepts writes is used.
                "hosts": ",".join(host.fqdn for host in context.databases),
                "port": str(ports.POSTGRESQL),
                "name": component.database.name,
                "schema": component.database.schema_,
                "role": component.database.role,
                "sslmode": "verify-full",
                "sslrootcert": INTERNAL_AUTHORITY,
            },
        }
    )
    servers = context.inventory.hosts_of("file")
    if component.documents and servers and component.name in context.inventory.endpoints:
        documents = {
            "path": component.documents.path,
            "share": f"//{servers[0].fqdn}/{component.name}",
            "credentials": f"{FOLDER}/{component.name}.{shares.CREDENTIALS}",
        }
        parser.read_dict({"documents": documents})
    parser.read_dict(component.settings)
    buffer = io.StringIO()
    parser.write(buffer)
    return buffer.getvalue().rstrip("\n") + "\n"
