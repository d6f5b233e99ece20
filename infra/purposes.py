"""Which host needs which secret: by purpose, as the hosts know it, and by name, as the Key Vault holds it."""

from __future__ import annotations

from infra.topology import Topology

GATEWAY_CERTIFICATE = "gateway-certificate"
REPLICATION = "postgresql/replication"
TLS_KEY = "tls-key"
SERVES_TLS = ("database",)
"""Roles whose hosts have a certificate of the internal authority."""


def area_purpose(area: str) -> str:
    """The password of an area's database role."""
    return f"postgresql/{area}"


def secret_name(purpose: str, host: str) -> str:
    """The secret's name in the Key Vault; a TLS key is a host's own, everything else is shared by its readers."""
    name = purpose.replace("/", "-")
    return f"{name}-{host}" if purpose == TLS_KEY else name


def passwords(topology: Topology) -> list[str]:
    """Purposes of all passwords of the landscape."""
    return [REPLICATION, *(area_purpose(area) for area in sorted(topology.endpoints))]


def purposes_of(topology: Topology, host: str) -> list[str]:
    """What a host's identity may read, and nothing else."""
    match topology.hosts[host].role:
        case "database":
            return [TLS_KEY, *passwords(topology)]
        case "application":
            return [area_purpose(area) for area in sorted(topology.endpoints)]
        case _:
            return []
