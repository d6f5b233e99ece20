"""Operations: for each kind of state, how to compare it with the host, and how to bring the host to it.

`compare` touches nothing and returns what differs; an empty list means that all is as wanted. `apply` may be called
in whatever state an earlier, perhaps killed, run left the host in. Both raise OperationError with a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hosts.agent.host import Host
from hosts.agent.operations import (
    accounts,
    archives,
    backups,
    certificates,
    clusters,
    databases,
    disks,
    files,
    kernel,
    packages,
    shares,
    units,
)
from hosts.agent.results import Difference
from hosts.states import (
    Absent,
    Archive,
    BackupStanza,
    Database,
    DatabaseCluster,
    DatabaseRole,
    DatabaseStandby,
    Directory,
    File,
    FileSystem,
    Firewall,
    Group,
    Link,
    Mount,
    Package,
    ReplicationSlot,
    ShareUser,
    State,
    Sysctl,
    TrustedCertificate,
    Unit,
    User,
)


@dataclass(frozen=True)
class Operation:
    """The two functions of a kind; each takes a state of that kind."""

    compare: Callable[[Any, Host], list[Difference]]
    apply: Callable[[Any, Host], None]


OPERATIONS: dict[type[State], Operation] = {
    Absent: Operation(files.compare_absent, files.apply_absent),
    Archive: Operation(archives.compare_archive, archives.apply_archive),
    BackupStanza: Operation(backups.compare_stanza, backups.apply_stanza),
    Database: Operation(databases.compare_database, databases.apply_database),
    DatabaseCluster: Operation(clusters.compare_cluster, clusters.apply_cluster),
    DatabaseRole: Operation(databases.compare_role, databases.apply_role),
    DatabaseStandby: Operation(clusters.compare_standby, clusters.apply_standby),
    Directory: Operation(files.compare_directory, files.apply_directory),
    File: Operation(files.compare_file, files.apply_file),
    FileSystem: Operation(disks.compare_file_system, disks.apply_file_system),
    Firewall: Operation(kernel.compare_firewall, kernel.apply_firewall),
    Group: Operation(accounts.compare_group, accounts.apply_group),
    Link: Operation(files.compare_link, files.apply_link),
    Mount: Operation(disks.compare_mount, disks.apply_mount),
    Package: Operation(packages.compare_package, packages.apply_package),
    ReplicationSlot: Operation(databases.compare_slot, databases.apply_slot),
    ShareUser: Operation(shares.compare_user, shares.apply_user),
    Sysctl: Operation(kernel.compare_sysctl, kernel.apply_sysctl),
    TrustedCertificate: Operation(certificates.compare_certificate, certificates.apply_certificate),
    Unit: Operation(units.compare_unit, units.apply_unit),
    User: Operation(accounts.compare_user, accounts.apply_user),
}
"""Every kind but waits, which change nothing."""
