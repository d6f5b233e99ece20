"""A small inventory, as a stack exports it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from infra.inventory.model import Components, Endpoint, Host, Inventory, Packages, VantagePoint, WayIn

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIErYb/YvyhJIOKnvoIsOMbU7Si6meIdFubW6QLTskCVw"


def inventory() -> Inventory:
    """One web host behind the jump host, one endpoint."""
    return Inventory(
        stack="rehearsal",
        landscape="vivendi",
        internal_domain="vivendi.internal",
        address_space=IPv4Network("10.77.0.0/16"),
        subnets={"web": IPv4Network("10.77.3.0/24"), "management": IPv4Network("10.77.6.0/24")},
        hosts={"web01": _host("web01", "web", "10.77.3.4"), "mgmt01": _host("mgmt01", "management", "10.77.6.4")},
        endpoints={
            "kita": Endpoint(
                name="kita",
                host_name="kita.mobil.livegang.test",
                address=IPv4Address("198.51.100.13"),
                health_path="/health",
                sync_path="/sync",
                minimum_certificate_days=20,
            )
        },
        flows=[],
        way_in=WayIn(
            user="ops",
            identity_file="{state}/keys/operator",
            jump_host="mgmt01",
            jump_address=IPv4Address("198.51.100.11"),
            jump_port=22,
            proxy_command="env LIVEGANG_STATE={state} {project}/.venv/bin/livegang-way-in operator %h %p",
        ),
        vantage_points={
            "outside": VantagePoint(
                spec="ssh://outside",
                address=IPv4Address("203.0.113.66"),
                user="root",
                identity_file="{state}/keys/operator",
            ),
            "operator": VantagePoint(spec="local://"),
        },
        vault_uri="https://kv-vivendi-000000.vault.azure.net/",
        trusted_authorities=[],
        internal_authority="",
        packages=Packages(sources=[]),
        components=Components(manifests="hosts/components", artifacts="{state}/artifacts"),
        time_sources=[],
    )


def _host(name: str, role: str, address: str) -> Host:
    return Host(
        name=name,
        role=role,
        zone="1",
        address=IPv4Address(address),
        fqdn=f"{name}.vivendi.internal",
        size="Standard_D2as_v5",
        host_keys=[KEY],
    )
