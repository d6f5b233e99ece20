"""The topology: what is wanted, as one typed document under ``livegang:topology`` of a stack's file.

Models only: `infra.stack.loading` reads and checks it. Relative paths in it start at the project's folder.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Literal

from pydantic import Field

from infra.stack.fields import (
    DomainName,
    FlowName,
    HttpPath,
    LandscapeName,
    Name,
    Network,
    Ports,
    PublicKey,
    RoleName,
    Size,
    UserName,
    Zone,
)
from infra.stack.shared import Alerts, Components, Document, Packages, VantagePoint
from landscape.names import GATEWAY
from landscape.parties import VantagePointName
from landscape.roles import ROLES, SHAREABLE

KEY = "livegang:topology"
SHAREABLE_TEXT = f"{', '.join(SHAREABLE[:-1])} and {SHAREABLE[-1]}"


class Expected(Document):
    """How many hosts and endpoints there must be: one too many or one forgotten is a mistake, not a surprise."""

    hosts: int = Field(ge=1, description="how many hosts this landscape has, e.g. 9")
    endpoints: int = Field(ge=1, description="how many endpoints this landscape has, e.g. 6")


class Administrator(Document):
    """The account with which operators, Fabric and testinfra log in. Keys only, from here or from a file."""

    user: UserName = Field(description="a Linux user name such as ops")
    public_keys: list[PublicKey] = Field(
        default_factory=list, description='a list of SSH public keys, each "ssh-ed25519 AAAA… name" on one line'
    )
    public_key_file: str | None = Field(default=None, description="the path of a file with SSH public keys, one a line")


class Image(Document):
    """The marketplace image, pinned."""

    publisher: str = Field(description="the image's publisher, e.g. Debian")
    offer: str = Field(description="the image's offer, e.g. debian-12")
    sku: str = Field(description="the image's sku of generation 2, e.g. 12-gen2")
    version: str = Field(
        pattern=r"^\d+\.\d+\.\d+$",
        description='a pinned version such as "0.20250703.2162"; with latest a rebuilt host would get another image',
    )


class NetworkPlan(Document):
    """Addresses: the virtual network, its subnets, and who may come from outside."""

    address_space: Network = Field(description="an IPv4 network such as 10.77.0.0/16")
    subnets: dict[Name, Network] = Field(
        description="a map of subnets by role, and gateway, e.g. database: 10.77.1.0/24 (network without host bits)"
    )
    operator_ranges: list[Network] = Field(
        min_length=1, description="a list of at least one IPv4 network that operators come from, e.g. [192.0.2.0/28]"
    )
    old_hoster_ranges: list[Network] = Field(
        default_factory=list, description="a list of IPv4 networks the old hoster sends from, e.g. [192.0.2.32/29]"
    )


class HostSpec(Document):
    """One virtual machine; its name is the map's key."""

    role: RoleName = Field(description=f"one of {', '.join(ROLES)}")
    also: list[RoleName] = Field(
        default_factory=list,
        description=f"a list of further roles of {SHAREABLE_TEXT}, e.g. [application]",
    )
    address: IPv4Address = Field(description="an IPv4 address in the subnet of the host's role")
    zone: Zone = Field(description='an availability zone: "1", "2" or "3"')
    size: Size = Field(description="an Azure machine size such as Standard_D4as_v5")
    data_disk_gb: int | None = Field(default=None, ge=1, le=32767, description="a size in GiB from 1 to 32767")

    @property
    def roles(self) -> tuple[str, ...]:
        """All its roles, its own first: that one decides which subnet it is in."""
        return (self.role, *self.also)


class EndpointSpec(Document):
    """One mobile site; its name is the map's key, and the name of the Vivendi component behind it."""

    host_name: DomainName = Field(description="a host name one label below the domain's zone")
    health_path: HttpPath = Field(default="/health", description="an absolute path such as /health")
    sync_path: HttpPath = Field(default="/sync", description="an absolute path such as /sync")
    minimum_certificate_days: int = Field(default=30, ge=1, description="a number of days, e.g. 30")


class Domain(Document):
    """The public DNS zone of the endpoints."""

    zone: DomainName = Field(description="a DNS zone such as mobil.example.org")
    ttl: int = Field(ge=1, le=86400, description="seconds from 1 to 86400; short, e.g. 60, so that a cutover is quick")


class Certificate(Document):
    """The endpoints' certificate and key."""

    pfx_file: str = Field(description="the path of a PKCS#12 file without a password, mode 0600")


class FlowSpec(Document):
    """One allowed flow; its name is the map's key, and the name of its security rules."""

    source: str = Field(alias="from", description="a role, gateway, or another party of infra/stack/flows.py")
    destination: str = Field(alias="to", description="a role, gateway, or another party of infra/stack/flows.py")
    protocol: Literal["tcp", "udp"] = Field(description="tcp or udp")
    ports: Ports = Field(description="a list of different ports from 1 to 65535, e.g. [80, 443]")
    priority: int | None = Field(default=None, ge=100, le=1999, description="a number from 100 to 1999, or nothing")


class OldHoster(Document):
    """The account with which the old hoster sends files. Keys only, from here or from a file."""

    user: UserName = Field(default="old-hoster", description="a Linux user name such as old-hoster")
    public_keys: list[PublicKey] = Field(
        default_factory=list, description='a list of SSH public keys, each "ssh-ed25519 AAAA… name" on one line'
    )
    public_key_file: str | None = Field(default=None, description="the path of a file with SSH public keys, one a line")


class Signatures(Document):
    """How malware is recognised: by ClamAV's own database, by signature files, or by both."""

    source: str | None = Field(
        default=None,
        pattern=r"^https?://[a-z0-9.-]+(:\d+)?(/[\w./-]*)?$",
        description="where ClamAV's signed database comes from, e.g. https://database.clamav.net",
    )
    oldest_hours: int = Field(
        default=72, ge=1, le=720, description="hours from 1 to 720 after which the signed database is too old, e.g. 72"
    )
    files: list[str] = Field(default_factory=list, description="a list of paths of signature files (.ndb, .hdb)")


class TransferSpec(Document):
    """The old hoster's drop, and how what arrives there is checked."""

    old_hoster: OldHoster = Field(description="{user: …, public_keys: […]} or {user: …, public_key_file: …}")
    signatures: Signatures = Field(description="{source: URL, files: […]}, with at least one of the two")
    largest_file_mb: int = Field(
        ge=1, le=2000, strict=True, description="MiB from 1 to 2000, clamd's limit: larger files are not scanned"
    )
    patience_seconds: int = Field(
        ge=5, le=86400, strict=True, description="seconds from 5 to 86400 to wait for a manifest, e.g. 900"
    )


class WayInSpec(Document):
    """What an operator's ssh needs in addition to the jump host's public address."""

    proxy_command: str | None = Field(
        default=None,
        description="an ssh ProxyCommand; {project} is the project's folder, {state} the machine's own",
    )
    identity_file: str | None = Field(
        default=None,
        description="a private key's path; {project} is the project's folder, {state} the machine's own",
    )


class Topology(Document):
    """Everything that a stack declares. See Pulumi.rehearsal.yaml for a commented example."""

    landscape: LandscapeName = Field(description="2 to 12 lower-case letters and digits, e.g. vivendi")
    expected: Expected = Field(description="the expected counts, e.g. {hosts: 9, endpoints: 6}")
    internal_domain: DomainName = Field(description="the private DNS zone, e.g. vivendi.internal")
    administrator: Administrator = Field(description="{user: …, public_keys: […]} or {user: …, public_key_file: …}")
    image: Image = Field(description="{publisher: …, offer: …, sku: …, version: …}")
    network: NetworkPlan = Field(description="address_space, subnets, operator_ranges and old_hoster_ranges")
    hosts: dict[Name, HostSpec] = Field(description="a map of hosts by name (lower-case letters, digits, hyphens)")
    endpoints: dict[Name, EndpointSpec] = Field(
        description="a map of endpoints by name (lower-case letters, digits, hyphens)"
    )
    domain: Domain = Field(description="{zone: …, ttl: 60}")
    certificate: Certificate = Field(description="{pfx_file: …}")
    flows: dict[FlowName, FlowSpec] = Field(description="a map of flows by name, each {from, to, protocol, ports}")
    way_in: WayInSpec = Field(default_factory=WayInSpec, description="{proxy_command: …, identity_file: …}, or {}")
    transfer: TransferSpec | None = Field(
        default=None, description="{old_hoster: …, signatures: …, largest_file_mb: …, patience_seconds: …}"
    )
    vantage_points: dict[VantagePointName, VantagePoint] = Field(
        description='a map with outside, operator and perhaps old-hoster, each {spec: "local://"} or an ssh:// entry'
    )
    trusted_authorities: list[str] = Field(default_factory=list, description="a list of paths of PEM files")
    packages: Packages = Field(description="{sources: [{name, uri, suites, components, keyring}]}")
    components: Components = Field(description="{manifests: FOLDER, artifacts: FOLDER}")
    time_sources: list[str] = Field(default_factory=list, description="a list of NTP servers, or []")
    alerts: Alerts = Field(default_factory=Alerts, description="{webhook: https://…}, or {}")
    protect: bool = Field(default=False, description="true or false")

    def hosts_of(self, role: str) -> dict[str, HostSpec]:
        """The hosts that have a role, by name and in the order of their names."""
        return {name: host for name, host in sorted(self.hosts.items()) if role in host.roles}

    @property
    def roles(self) -> set[str]:
        """All roles whose work some host does."""
        return {role for host in self.hosts.values() for role in host.roles}

    @property
    def host_subnets(self) -> dict[str, Network]:
        """The subnets that hosts are in: all but the gateway's."""
        return {name: subnet for name, subnet in self.network.subnets.items() if name != GATEWAY}

    @property
    def jump_host(self) -> str:
        """The management host: the only way in."""
        return next(iter(self.hosts_of("management")))
