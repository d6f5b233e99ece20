"""Inventories for tests: no stack has made them."""

from __future__ import annotations

from typing import Any

from infra.inventory.model import Inventory
from infra.inventory.reading import parse


def inventory(more: dict[str, tuple[str, str]] | None = None) -> Inventory:
    """An inventory of five hosts and one endpoint, with ``more`` hosts: a role and an address by name."""
    hosts = {
        "db01": ("database", "10.9.1.4"),
        "app01": ("application", "10.9.2.4"),
        "web01": ("web", "10.9.3.4"),
        "web02": ("web", "10.9.3.5"),
        "mgmt01": ("management", "10.9.6.4"),
        **(more or {}),
    }
    subnets = {"database": 1, "application": 2, "web": 3, "management": 6, "gateway": 7}
    network = {name: f"10.9.{number}.0/24" for name, number in subnets.items()}

    def flow(name: str, source: str, destination: str, *ports: int, protocol: str = "tcp") -> dict[str, Any]:
        return {
            "name": name,
            "source": source,
            "destination": destination,
            "protocol": protocol,
            "ports": list(ports),
            "source_prefixes": [network.get(source, "10.9.0.0/16")],
            "destination_prefixes": [network.get(destination, "10.9.0.0/16")],
        }

    return parse(
        {
            "stack": "trial",
            "landscape": "trial",
            "internal_domain": "trial.internal",
            "address_space": "10.9.0.0/16",
            "subnets": network,
            "hosts": {
                name: {
                    "name": name,
                    "role": role,
                    "zone": "1",
                    "address": address,
                    "fqdn": f"{name}.trial.internal",
                    "size": "Standard_D2as_v5",
                    "host_keys": ["ssh-ed25519 AAAA"],
                }
                for name, (role, address) in hosts.items()
            },
            "endpoints": {
                "ambulant": {
                    "name": "ambulant",
                    "host_name": "ambulant.example.test",
                    "address": "198.51.100.1",
                    "health_path": "/health",
                    "sync_path": "/sync",
                    "minimum_certificate_days": 20,
                }
            },
            "flows": [
                flow("gateway-from-internet", "internet", "gateway", 80, 443),
                flow("web-from-gateway", "gateway", "web", 80),
                flow("application-from-web", "web", "application", 8001),
                flow("database-from-application", "application", "database", 5432),
                flow("ssh-from-management", "management", "any-host", 22),
                flow("time", "any-host", "management", 123, protocol="udp"),
                flow("packages-from-internet", "management", "internet", 80, 443),
                flow("secrets", "any-host", "key-vault", 443),
            ],
            "way_in": {"user": "ops", "jump_host": "mgmt01", "jump_address": "198.51.100.2", "jump_port": 22},
            "vantage_points": {
                "outside": {"spec": "ssh://outside", "address": "203.0.113.66"},
                "operator": {"spec": "ssh://operator", "address": "203.0.113.10"},
            },
            "vault_uri": "https://kv-trial.vault.azure.net/",
            "trusted_authorities": [],
            "internal_authority": "",
            "packages": {
                "sources": [
                    {
                        "name": "trial",
                        "uri": "http://packages.example.test/debian",
                        "suites": ["bookworm"],
                        "components": ["main"],
                        "keyring": "key",
                    }
                ]
            },
            "components": {"manifests": "hosts/components", "artifacts": "artifacts"},
            "time_sources": [],
        },
        "trial",
    )
