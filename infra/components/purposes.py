"""Which host needs which secret: by purpose, as the hosts know it, and by name, as the Key Vault holds it."""

from __future__ import annotations

from infra.stack.topology import Topology

GATEWAY_CERTIFICATE = "gateway-certificate"
REPLICATION = "postgresql/replication"
TLS_KEY = "tls-key"
INCOMING_SHARE = "incoming"
"""Beside the areas' own shares: where the transfer host delivers what came from the old hoster."""
BACKUP_KEY = "backup/key"
"""With which the file host encrypts the databases' backups. Made anew, it opens none of those that are there."""
SERVES_TLS = ("database", "file")
"""Roles whose hosts have a certificate of the internal authority."""


def area_purpose(area: str) -> str:
    """The password of an area's database role."""
    return f"postgresql/{area}"


def share_purpose(share: str) -> str:
    """The password of the account that uses a share of the file host."""
    return f"smb/{share}"


def secret_name(purpose: str, host: str) -> str:
    """The secret's name in the Key Vault; a TLS key is a host's own, everything else is shared by its readers."""
    name = purpose.replace("/", "-")
    return f"{name}-{host}" if purpose == TLS_KEY else name


def passwords(topology: Topology) -> list[str]:
    """Purposes of all passwords of the landscape."""
    return [*database_passwords(topology), *share_passwords(topology), *backup_keys(topology)]


def database_passwords(topology: Topology) -> list[str]:
    """Passwords of PostgreSQL's roles."""
    return [REPLICATION, *(area_purpose(area) for area in sorted(topology.endpoints))]


def share_passwords(topology: Topology) -> list[str]:
    """Passwords of the accounts that use the file host's shares; none in a landscape without a file host."""
    if not topology.hosts_of("file"):
        return []
    return [*(share_purpose(area) for area in sorted(topology.endpoints)), share_purpose(INCOMING_SHARE)]


def backup_keys(topology: Topology) -> list[str]:
    """The key of the backups; none in a landscape that makes none."""
    return [BACKUP_KEY] if topology.hosts_of("database") and topology.hosts_of("file") else []


def purposes_of(topology: Topology, host: str) -> list[str]:
    """What a host's identity may read, and nothing else."""
    wanted = [purpose for role in topology.hosts[host].roles for purpose in _purposes_of_role(topology, role)]
    return list(dict.fromkeys(wanted))


def _purposes_of_role(topology: Topology, role: str) -> list[str]:
    incoming = share_purpose(INCOMING_SHARE)
    match role:
        case "database":
            return [TLS_KEY, *database_passwords(topology)]
        case "application":
            areas = [area_purpose(area) for area in sorted(topology.endpoints)]
            return [*areas, *(share for share in share_passwords(topology) if share != incoming)]
        case "file":
            return [TLS_KEY, *share_passwords(topology), *backup_keys(topology)]
        case "transfer":
            return [share for share in share_passwords(topology) if share == incoming]
        case _:
            return []
