"""A landscape that does not exist, with every role: nine hosts and six endpoints."""

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
from landscape.roles import ROLES

AREAS = ("ambulant", "stationaer", "kita", "teilhabe", "beratung", "pep")
HOSTS = {
    "db01": "database",
    "db02": "database",
    "app01": "application",
    "app02": "application",
    "web01": "web",
    "web02": "web",
    "file01": "file",
    "xfer01": "transfer",
    "mgmt01": "management",
}
SUBNETS = {
    name: IPv4Network(f"10.77.{number}.0/24")
    for number, name in enumerate(dict.fromkeys((*HOSTS.values(), GATEWAY, *ROLES)), start=1)
}
HOSTS |= {f"{role}01": role for role in ROLES if role not in HOSTS.values()}
"""A role that is added to the registry has a host here as well."""
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc2FtcGxl\n-----END CERTIFICATE-----\n"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nc2FtcGxl\n-----END PGP PUBLIC KEY BLOCK-----\n"


def inventory() -> Inventory:
    """Nine hosts and six endpoints in the form of the real ones; nothing of it exists."""
    hosts = {name: _host(name, role) for name, role in HOSTS.items()}
    address = IPv4Address("198.51.100.10")
    return Inventory(
        stack="sample",
        landscape="sample",
        internal_domain="sample.internal",
        address_space=IPv4Network("10.77.0.0/16"),
        subnets=SUBNETS,
        hosts=hosts,
        endpoints={
            area: Endpoint(
                name=area,
                host_name=f"{area}.sample.test",
                address=address,
                health_path="/health",
                sync_path="/sync",
                minimum_certificate_days=20,
            )
            for area in AREAS
        },
        flows=_flows(),
        way_in=WayIn(user="ops", jump_host="mgmt01", jump_address=IPv4Address("198.51.100.12"), jump_port=22),
        vantage_points={
            "outside": VantagePoint(spec="local://"),
            "operator": VantagePoint(spec="local://"),
        },
        vault_uri="https://kv-sample.vault.azure.net/",
        trusted_authorities=[CERTIFICATE],
        internal_authority=CERTIFICATE,
        packages=Packages(
            sources=[
                PackageSource(
                    name="sample",
                    uri="http://packages.sample.test/debian",
                    suites=["bookworm"],
                    components=["main"],
                    keyring=KEY,
                )
            ]
        ),
        components=Components(manifests="hosts/components", artifacts="{state}/artifacts"),
        time_sources=[],
        transfer=Transfer(
            user="old-hoster",
            public_keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA sample"],
            signatures={"sample.ndb": "Sample.Signature:0:0:73616d706c65\n"},
            signature_source=None,
            oldest_signatures_hours=72,
            largest_file_mb=32,
            patience_seconds=10,
        ),
    )


def _host(name: str, role: str) -> Host:
    place = 4 + [host for host, other in HOSTS.items() if other == role].index(name)
    purposes = secrets.purposes(ROLES[role].secrets, AREAS, ROLES.keys())
    return Host(
        name=name,
        role=role,
        zone="1",
        address=SUBNETS[role][place],
        fqdn=f"{name}.sample.internal",
        size="Standard_D2as_v5",
        host_keys=["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        data_disk_gb=4 if ROLES[role].data_disk else None,
        certificate=CERTIFICATE if ROLES[role].serves_tls else None,
        secrets={purpose: SecretReference(name=purpose.replace("/", "-"), version="1") for purpose in purposes},
    )


def _flows() -> list[Flow]:
    rows = [
        ("gateway-from-internet", "internet", "gateway", "tcp", [80, 443]),
        ("web-from-gateway", "gateway", "web", "tcp", [80]),
        ("application-from-web", "web", "application", "tcp", list(range(8001, 8007))),
        ("database-from-application", "application", "database", "tcp", [5432]),
        ("database-replication", "database", "database", "tcp", [5432]),
        ("file-from-application", "application", "file", "tcp", [445]),
        ("file-from-transfer", "transfer", "file", "tcp", [445]),
        ("archive-from-database", "database", "file", "tcp", [8432]),
        ("backup-from-file", "file", "database", "tcp", [8432]),
        ("transfer-from-old-hoster", "old-hoster", "transfer", "tcp", [22]),
        ("management-from-operator", "operator", "management", "tcp", [22]),
        ("ssh-from-management", "management", "any-host", "tcp", [22]),
        ("packages-from-management", "any-host", "management", "tcp", [80]),
        ("time-from-management", "any-host", "management", "udp", [123]),
        ("secrets-from-key-vault", "any-host", "key-vault", "tcp", [443]),
    ]
    return [
        Flow(
            name=name,
            source=source,
            destination=destination,
            protocol="udp" if protocol == "udp" else "tcp",
            ports=ports,
            source_prefixes=_prefixes(source),
            destination_prefixes=_prefixes(destination),
        )
        for name, source, destination, protocol, ports in rows
    ]


def _prefixes(party: str) -> list[str]:
    others = {
        "internet": ["Internet"],
        "key-vault": ["AzureKeyVault"],
        "operator": ["203.0.113.10/32"],
        "old-hoster": ["203.0.113.20/32"],
        "any-host": [str(SUBNETS[role]) for role in ROLES],
    }
    return others[party] if party in others else [str(SUBNETS[party])]
