"""States: how things on a host should be, as plain data. One module a kind, or a few that belong together."""

from hosts.states.accounts import Group, User
from hosts.states.archives import Archive
from hosts.states.backups import BackupStanza
from hosts.states.base import KINDS, Secret, State, decode, encode
from hosts.states.certificates import TrustedCertificate
from hosts.states.disks import FileSystem, Mount
from hosts.states.files import Absent, Directory, File, Link
from hosts.states.kernel import Firewall, Sysctl
from hosts.states.packages import Package
from hosts.states.postgresql import Database, DatabaseCluster, DatabaseRole, DatabaseStandby, ReplicationSlot
from hosts.states.shares import ShareUser
from hosts.states.units import Unit
from hosts.states.waits import Wait

__all__ = [
    "KINDS",
    "Absent",
    "Archive",
    "BackupStanza",
    "Database",
    "DatabaseCluster",
    "DatabaseRole",
    "DatabaseStandby",
    "Directory",
    "File",
    "FileSystem",
    "Firewall",
    "Group",
    "Link",
    "Mount",
    "Package",
    "ReplicationSlot",
    "Secret",
    "ShareUser",
    "State",
    "Sysctl",
    "TrustedCertificate",
    "Unit",
    "User",
    "Wait",
    "decode",
    "encode",
]
