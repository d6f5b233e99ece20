"""The inventory: what `pulumi up` made of a stack, as one document. `hosts/` and `verify/` read nothing else.

`infra/` exports it as the stack output ``inventory``; `hosts/` and `verify/` read it with `infra.inventory.reading`
and know nothing else about the infrastructure. It holds no secrets. Where a host needs one, it holds the secret's name
and version in Key Vault, and the host reads that with its own managed identity.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from pydantic import Field

from console import ExpectedError
from infra.stack.shared import Alerts, Components, Document, Packages, PackageSource, VantagePoint
from landscape.host_order import in_listing_order
from landscape.parties import VantagePointName

__all__ = [
    "Alerts",
    "Components",
    "Document",
    "Endpoint",
    "Flow",
    "Host",
    "Inventory",
    "InventoryError",
    "PackageSource",
    "Packages",
    "SecretReference",
    "Transfer",
    "VantagePoint",
    "WayIn",
]


class InventoryError(ExpectedError):
    """A stack has no readable inventory; the message says why and what to do."""


class SecretReference(Document):
    """Where a secret is: its name and version in the inventory's Key Vault, never its value."""

    name: str
    version: str


class Host(Document):
    """One virtual machine."""

    name: str
    role: str
    """One of those in `landscape/roles.py`. It is also the name of the subnet that the host is in."""
    also: list[str] = Field(default_factory=list)
    """Further roles that the host has taken on."""
    zone: str
    """Availability zone within the region, e.g. ``"1"``."""
    address: IPv4Address
    """Private address, the only one a host has."""
    fqdn: str
    """Name in the private DNS zone, e.g. ``db01.vivendi.internal``."""
    size: str
    """Azure machine size, e.g. ``Standard_D4as_v5``."""
    host_keys: list[str]
    """SSH host public keys (``ssh-ed25519 AAAA…``) pinned at provisioning."""
    data_disk_gb: int | None = None
    """Size of the data disk at lun 0 (``/dev/disk/azure/scsi1/lun0``), if the host has one."""
    certificate: str | None = None
    """PEM certificate for ``fqdn`` by the internal authority, if the host serves TLS to other hosts."""
    secrets: dict[str, SecretReference] = Field(default_factory=dict)
    """The secrets that the host's identity may read, by purpose, e.g. ``postgresql/replication`` or ``tls-key``."""

    @property
    def roles(self) -> tuple[str, ...]:
        """All its roles, its own first."""
        return (self.role, *self.also)


class Endpoint(Document):
    """One mobile site behind the application gateway."""

    name: str
    """The area, which is also the name of the Vivendi component: ``ambulant`` … ``pep``."""
    host_name: str
    address: IPv4Address
    """The gateway's public address."""
    health_path: str
    sync_path: str
    minimum_certificate_days: int
    """For how many more days the certificate must be valid, at least, to be ready."""


class Flow(Document):
    """One row of the table of allowed flows, resolved to addresses. Everything else is denied, in both directions."""

    name: str
    source: str
    """A subnet's name (a role, or ``gateway``), ``internet``, ``operator``, ``old-hoster`` or ``azure``."""
    destination: str
    protocol: Literal["tcp", "udp", "icmp"]
    ports: list[int]
    source_prefixes: list[str]
    """CIDR prefixes, or Azure service tags such as ``Internet`` or ``AzureKeyVault``."""
    destination_prefixes: list[str]


class WayIn(Document):
    """How an operator reaches a host: through the jump host, and that one directly or through a proxy command."""

    user: str
    identity_file: str | None = None
    """Private key for ssh, with ``{project}`` and ``{state}``; without it ssh chooses."""
    jump_host: str
    """Name of the host that is the only way in."""
    jump_address: IPv4Address
    jump_port: int
    proxy_command: str | None = None
    """ssh ProxyCommand towards the jump host, with ``{project}`` and ``{state}``: see `toolchain.folders.fill_in`."""
    transfer_address: IPv4Address | None = None
    """Public address of the SFTP drop, open to the old hoster's ranges only."""


class Transfer(Document):
    """The old hoster's drop, and how what arrives there is checked."""

    user: str
    public_keys: list[str]
    """SSH public keys of the old hoster."""
    signatures: dict[str, str]
    """The content of the stack's own signature files (``.ndb``, ``.hdb``), by name."""
    signature_source: str | None
    """Where the management host fetches ClamAV's signed database; None if there is none."""
    oldest_signatures_hours: int
    """From which age of the signed database no file is checked any more."""
    largest_file_mb: int
    """In MiB; larger files are not scanned, and never clean."""
    patience_seconds: int
    """How long nothing has to arrive before files without a manifest or with a wrong checksum are set aside."""


class Inventory(Document):
    """Everything that `hosts/` and `verify/` know about a landscape."""

    version: Literal[1] = 1
    stack: str
    landscape: str
    internal_domain: str
    address_space: IPv4Network
    subnets: dict[str, IPv4Network]
    """By role, and ``gateway``."""
    hosts: dict[str, Host]
    """By name, alphabetically, as Pulumi sorts outputs; lists follow `landscape/host_order.py` instead."""
    endpoints: dict[str, Endpoint]
    flows: list[Flow]
    way_in: WayIn
    vantage_points: dict[VantagePointName, VantagePoint]
    vault_uri: str
    trusted_authorities: list[str]
    """PEM certificates that hosts and vantage points trust in addition to the public ones."""
    internal_authority: str
    """PEM certificate of the authority that signs the hosts' internal certificates."""
    packages: Packages
    components: Components
    time_sources: list[str]
    """NTP servers that the management host follows; empty if its own clock is the reference."""
    transfer: Transfer | None = None
    """None in a landscape without a transfer host."""
    alerts: Alerts = Alerts()
    declared: dict[str, str] = Field(default_factory=dict)
    """A digest of each part of the topology that it was made from: see infra/inventory/staleness.py."""

    def hosts_of(self, role: str) -> list[Host]:
        """The hosts that have a role, sorted by name."""
        return sorted((h for h in self.hosts.values() if role in h.roles), key=lambda host: host.name)

    def select(self, limit: str | None) -> list[Host]:
        """The hosts that ``--limit`` selects: names or roles, separated by commas; all hosts without a limit."""
        if not limit:
            return list(in_listing_order(self.hosts).values())
        wanted: list[Host] = []
        for word in (part.strip() for part in limit.split(",")):
            found = [self.hosts[word]] if word in self.hosts else self.hosts_of(word)
            if not found:
                roles = sorted({role for host in self.hosts.values() for role in host.roles})
                raise InventoryError(
                    f"--limit {word!r} is neither a host nor a role of stack {self.stack}.",
                    hint=f"Hosts: {', '.join(self.hosts)}. Roles: {', '.join(roles)}.",
                )
            wanted += [host for host in found if host not in wanted]
        return wanted
