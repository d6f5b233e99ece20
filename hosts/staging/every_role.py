"""An inventory with hosts of every role, so that roles can be asked for their states without a stack."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from infra.inventory.model import (
    Components,
    Endpoint,
    Flow,
    Host,
    Inventory,
    Packages,
    PackageSource,
    SecretReference,
    Transfer,
    VantagePoint,
    WayIn,
)
from landscape import secrets
from landscape.names import GATEWAY
from landscape.parties import OPERATOR, OUTSIDE
from landscape.roles import ROLES, Role
from toolchain.folders import PROJECT

MANIFESTS = "hosts/components"
SUBNETS = {subnet: IPv4Network(f"10.0.{number}.0/24") for number, subnet in enumerate((*ROLES, GATEWAY), start=1)}
PLACEHOLDER = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
"""Nothing is ever installed from this inventory: roles only ask whether there is a certificate."""


def inventory() -> Inventory:
    """One host of each role, two where there may be several; all manifests' areas. Nothing of it exists."""
    areas = sorted(file.stem for file in (PROJECT / MANIFESTS).glob("*.yaml"))
    hosts = [_host(role, number, areas) for role in ROLES.values() for number in range(1, (role.at_most or 2) + 1)]
    gateway = next(SUBNETS[GATEWAY].hosts())
    return Inventory(
        stack="every-role",
        landscape="staging",
        internal_domain="staging.internal",
        address_space=IPv4Network("10.0.0.0/16"),
        subnets=SUBNETS,
        hosts={host.name: host for host in hosts},
        endpoints={area: _endpoint(area, gateway) for area in areas},
        flows=[_flow(source, destination) for source in SUBNETS for destination in ROLES],
        way_in=WayIn(user="ops", jump_host="management1", jump_address=gateway, jump_port=22),
        vantage_points={OUTSIDE: VantagePoint(spec="local://"), OPERATOR: VantagePoint(spec="local://")},
        vault_uri="https://kv-staging.vault.azure.net/",
        trusted_authorities=[PLACEHOLDER],
        internal_authority=PLACEHOLDER,
        packages=Packages(
            sources=[
                PackageSource(
                    name="staging",
                    uri="http://packages.staging.internal/debian",
                    suites=["bookworm"],
                    components=["main"],
                    keyring="/usr/share/keyrings/staging.gpg",
                )
            ]
        ),
        components=Components(manifests=MANIFESTS, artifacts="{state}/artifacts"),
        time_sources=[],
        transfer=Transfer(
            user="old-hoster",
            public_keys=["ssh-ed25519 AAAA staging"],
            signatures={"staging.ndb": "Staging:0:0:00\n"},
            # Of the two ways to get signatures, the one that needs packages.
            signature_source="http://signatures.staging.internal",
            oldest_signatures_hours=72,
            largest_file_mb=1,
            patience_seconds=60,
        ),
    )


def _host(role: Role, number: int, areas: list[str]) -> Host:
    name = f"{role.name}{number}"
    purposes = secrets.purposes(role.secrets, areas, ROLES.keys())
    return Host(
        name=name,
        role=role.name,
        zone="1",
        address=SUBNETS[role.name][number + 3],
        fqdn=f"{name}.staging.internal",
        size="Standard_D2as_v5",
        host_keys=["ssh-ed25519 AAAA staging"],
        data_disk_gb=1 if role.data_disk else None,
        certificate=PLACEHOLDER if role.serves_tls else None,
        secrets={purpose: SecretReference(name=purpose.replace("/", "-"), version="1") for purpose in purposes},
    )


def _endpoint(area: str, gateway: IPv4Address) -> Endpoint:
    return Endpoint(
        name=area,
        host_name=f"{area}.staging.internal",
        address=gateway,
        health_path="/health",
        sync_path="/sync",
        minimum_certificate_days=1,
    )


def _flow(source: str, destination: str) -> Flow:
    """The way in: roles refuse a table of flows that shuts the toolkit itself out."""
    return Flow(
        name=f"{destination}-from-{source}",
        source=source,
        destination=destination,
        protocol="tcp",
        ports=[22],
        source_prefixes=[str(SUBNETS[source])],
        destination_prefixes=[str(SUBNETS[destination])],
    )
