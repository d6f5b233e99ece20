"""The name of every resource, in one place and explicit.

With explicit names, a retry after a killed `up` finds the same resource again; with generated ones the first would be
left as an orphan. The prefixes are those of Microsoft's Cloud Adoption Framework.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """The names of one landscape's resources in one stack."""

    landscape: str
    stack: str
    subscription: str

    @property
    def resource_group(self) -> str:
        return f"rg-{self.landscape}-{self.stack}"

    @property
    def virtual_network(self) -> str:
        return f"vnet-{self.landscape}"

    def subnet(self, subnet: str) -> str:
        return f"snet-{subnet}"

    def security_group(self, subnet: str) -> str:
        return f"nsg-{subnet}"

    @property
    def nat_gateway(self) -> str:
        return f"ng-{self.landscape}"

    def public_address(self, purpose: str) -> str:
        """``purpose``: gateway, nat, way-in or transfer."""
        return f"pip-{purpose}"

    @property
    def load_balancer(self) -> str:
        return "lb-way-in"

    @property
    def application_gateway(self) -> str:
        return f"agw-{self.landscape}"

    @property
    def firewall_policy(self) -> str:
        return f"waf-{self.landscape}"

    def identity(self, owner: str) -> str:
        """``owner``: a host, or gateway."""
        return f"id-{owner}"

    def machine(self, host: str) -> str:
        return f"vm-{host}"

    def network_interface(self, host: str) -> str:
        return f"nic-{host}"

    def system_disk(self, host: str) -> str:
        return f"disk-{host}-os"

    def data_disk(self, host: str) -> str:
        return f"disk-{host}-data"

    @property
    def vault(self) -> str:
        """At most 24 characters, and unique in all of Azure: hence the digest."""
        digest = hashlib.sha256(f"{self.subscription}/{self.resource_group}".encode()).hexdigest()[:6]
        return f"kv-{self.landscape}-{digest}"

    def role_assignment(self, reader: str, secret: str) -> str:
        """Azure requires a UUID; this one is the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.subscription}/{self.vault}/{secret}/{reader}"))
