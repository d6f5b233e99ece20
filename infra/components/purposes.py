"""Which host may read which secret: by purpose, as the hosts know it, and by name, as Key Vault holds it."""

from __future__ import annotations

from infra.stack.topology import Topology
from landscape import secrets
from landscape.roles import ROLES

GATEWAY_CERTIFICATE = "gateway-certificate"


def secret_name(purpose: str, host: str) -> str:
    """The secret's name in Key Vault; a TLS key is a host's own, everything else is shared by its readers."""
    name = purpose.replace("/", "-")
    return f"{name}-{host}" if purpose == secrets.TLS_KEY.purpose else name


def passwords(topology: Topology) -> list[str]:
    """Purposes of all passwords of the landscape."""
    return secrets.purposes(secrets.PASSWORDS, topology.endpoints, topology.roles)


def purposes_of(topology: Topology, host: str) -> list[str]:
    """What a host's identity may read, and nothing else."""
    own = [secret for role in topology.hosts[host].roles for secret in ROLES[role].secrets]
    return secrets.purposes(own, topology.endpoints, topology.roles)
