"""Which host may read which secret: by purpose, as the hosts know it, and by name, as Key Vault holds it."""

from __future__ import annotations

from infra.stack.topology import Topology
from landscape import secrets
from landscape.roles import ROLES

GATEWAY_CERTIFICATE = "gateway-certificate"


def secret_name(purpose: str, host: str) -> str:
    """The secret's name in Key Vault. Each host has its own TLS key; all other secrets are shared by their readers."""
    name = purpose.replace("/", "-")
    return f"{name}-{host}" if purpose == secrets.TLS_KEY.purpose else name


def passwords(topology: Topology) -> list[str]:
    """The purposes of all passwords in the landscape."""
    return secrets.purposes(secrets.PASSWORDS, topology.endpoints, topology.roles)


def purposes_of(topology: Topology, host: str) -> list[str]:
    """The purposes of what a host's identity may read; it may read nothing else."""
    own = [secret for role in topology.hosts[host].roles for secret in ROLES[role].secrets]
    return secrets.purposes(own, topology.endpoints, topology.roles)
