"""The inventory: what a stack's `pulumi up` made, as the one document the later rooms read.

`infra/` exports it as the stack output ``inventory``; `hosts/` and `verify/` obtain it with :func:`load` and
know nothing else of the infrastructure. It holds no secret: where a host needs one, it holds the secret's
name and version in the Key Vault, which the host reads itself with its own managed identity.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console import ExpectedError
from toolchain.folders import PROJECT, state_folder

"""The folder of the clone: ``{project}`` in the stack's paths and commands stands for it."""


def filled(text: str, spell: Callable[[str], str] = str) -> str:
    """A path or command of the stack with both folders in it, each spelt by ``spell``."""
    return text.replace("{project}", spell(str(PROJECT))).replace("{state}", spell(str(state_folder())))


class InventoryError(ExpectedError):
    """The stack has no readable inventory; the message says why and what to do."""


class Document(BaseModel):
    """Base of every part: immutable, and an unknown key is an error rather than a silent nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretReference(Document):
    """Where a secret is: its name and version in the inventory's Key Vault, never its value."""

    name: str
    version: str


class Host(Document):
    """One virtual machine."""

    name: str
    role: str
    """One of database, application, web, file, transfer, management: it decides on the host's subnet."""
    also: list[str] = Field(default_factory=list)
    """Further roles whose work this host does."""
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
    """Size of the data disk at lun 0 (``/dev/disk/azure/scsi1/lun0``), where the host has one."""
    certificate: str | None = None
    """PEM certificate for ``fqdn`` by the internal authority, where the host serves TLS inside."""
    secrets: dict[str, SecretReference] = Field(default_factory=dict)
    """What this host's identity may read, by purpose, e.g. ``postgresql/replication`` or ``tls-key``."""

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles whose work it does, its own first."""
        return (self.role, *self.also)


class Endpoint(Document):
    """One mobile site behind the application gateway."""

    name: str
    """The area, which is also the Vivendi component's name: ``ambulant`` … ``pep``."""
    host_name: str
    address: IPv4Address
    """The gateway's public address."""
    health_path: str
    sync_path: str
    minimum_certificate_days: int
    """Readiness requires that the certificate is valid for at least this many more days."""


class Flow(Document):
    """One row of the table of allowed flows, resolved to addresses. All else is denied, in both directions."""

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
    """How an operator reaches a host: through the jump host, and to that perhaps through a proxy command."""

    user: str
    identity_file: str | None = None
    """Private key for ssh; ``{project}`` and ``{state}``: see :func:`filled`. Without it ssh's own choice."""
    jump_host: str
    """Name of the host that is the only way in."""
    jump_address: IPv4Address
    jump_port: int
    proxy_command: str | None = None
    """ssh ProxyCommand towards the jump host; ``{project}`` and ``{state}``: see :func:`filled`."""
    transfer_address: IPv4Address | None = None
    """Public address of the SFTP drop, open to the old hoster's ranges only."""


class Transfer(Document):
    """The old hoster's drop, and how what arrives in it is judged."""

    user: str
    public_keys: list[str]
    """SSH public keys of the old hoster."""
    signatures: dict[str, str]
    """Signature files of our own by name (``.ndb``, ``.hdb``), with their content."""
    signature_source: str | None
    """Where ClamAV's signed database comes from, through the management host; None where there is none."""
    oldest_signatures_hours: int
    """Age of the signed database from which on nothing is judged."""
    largest_file_mb: int
    """In MiB; larger files are not scanned, and never clean."""
    patience_seconds: int
    """How long the drop may be quiet before what lacks a manifest or the right sum is set aside."""


class VantagePoint(Document):
    """A place from which reachability is judged."""

    spec: str
    """testinfra host spec: ``local://``, or ``ssh://NAME`` of an entry in the generated ssh_config."""
    address: IPv4Address | None = None
    port: int = 22
    user: str | None = None
    identity_file: str | None = None
    host_keys: list[str] = Field(default_factory=list)
    host_keys_file: str | None = None
    """File with the public host keys, where they are born with the machine and not in the stack."""
    proxy_command: str | None = None


class PackageSource(Document):
    """An apt source that the management host mirrors for all others."""

    name: str
    uri: str
    suites: list[str]
    components: list[str]
    keyring: str
    """ASCII-armoured public key that signs the source, or the path of a keyring on the host's image."""


class Packages(Document):
    sources: list[PackageSource]


class Components(Document):
    """Where the Vivendi components come from; both relative to the clone unless absolute."""

    manifests: str
    """Folder of ``*.yaml`` component manifests."""
    artifacts: str
    """Folder that holds the files the manifests name."""


class Alerts(Document):
    """Who is told of alerts."""

    webhook: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*)?$",
        description="the http(s) address of a webhook, without user or query: it stands in the stack file in clear",
    )
    """Where Alertmanager posts notifications; None where nobody but the management host's own alert log is told."""


class Inventory(Document):
    """Everything that `hosts/` and `verify/` know of a landscape."""

    version: Literal[1] = 1
    stack: str
    landscape: str
    internal_domain: str
    address_space: IPv4Network
    subnets: dict[str, IPv4Network]
    """By role, and ``gateway``."""
    hosts: dict[str, Host]
    endpoints: dict[str, Endpoint]
    flows: list[Flow]
    way_in: WayIn
    vantage_points: dict[Literal["outside", "operator", "old-hoster"], VantagePoint]
    vault_uri: str
    trusted_authorities: list[str]
    """PEM certificates that hosts and vantage points trust beside the public ones."""
    internal_authority: str
    """PEM certificate of the authority that signs the hosts' internal certificates."""
    packages: Packages
    components: Components
    time_sources: list[str]
    """NTP servers that the management host follows; empty where its own clock is the reference."""
    transfer: Transfer | None = None
    """Where the landscape has a transfer host."""
    alerts: Alerts = Alerts()
    declared: dict[str, str] = Field(default_factory=dict)
    """Digest of each part of the topology that this came up from: see infra/inventory/declared.py."""

    def hosts_of(self, role: str) -> list[Host]:
        """The hosts that do a role's work, by name."""
        return sorted((h for h in self.hosts.values() if role in h.roles), key=lambda host: host.name)

    def select(self, limit: str | None) -> list[Host]:
        """The hosts that ``--limit`` names: hosts or roles, separated by commas; all without a limit."""
        if not limit:
            return list(self.hosts.values())
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


def pulumi_executable() -> str:
    """`pulumi` of this Python's environment, activated or not; else the one on PATH."""
    own = Path(sys.executable).with_name("pulumi")
    return str(own) if own.exists() else "pulumi"


def load(stack: str) -> Inventory:
    """Read the inventory from the stack's outputs through the `pulumi` command.

    Raises InventoryError when the stack does not exist, was never brought up, or was brought up by another
    version of this toolkit.
    """
    # Exported as a secret although it holds none: see infra/inventory/export.py.
    command = [pulumi_executable(), "stack", "output", "inventory", "--json", "--show-secrets"]
    try:
        result = subprocess.run(
            [*command, "--stack", stack, "--cwd", str(PROJECT)], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise InventoryError("There is no `pulumi` on PATH. Activate the environment: . .venv/bin/activate") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().removeprefix("error: ")
        raise InventoryError(
            f"Stack {stack} has no inventory: {reason}.", hint=f"Bring it up: fab infra.up --stack {stack}"
        ) from error
    return parse(json.loads(result.stdout), stack)


def parse(document: object, stack: str) -> Inventory:
    """Validate an exported inventory; ``stack`` names it in errors."""
    try:
        return Inventory.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InventoryError(
            f"The inventory of stack {stack} does not fit this version of Livegang at {path}: {first['msg']}.",
            hint=f"Bring the stack up with this version: fab infra.up --stack {stack}",
        ) from error
