"""Paths of a rehearsal, and constants of the Azure environment that it emulates.

Everything of one rehearsal is below its state folder, `.rehearsal/` of the clone unless LIVEGANG_STATE names
another. Sockets live in a short folder below /run, because a Unix socket's path may have 107 bytes at most.
What is the same for all rehearsals of a machine (toolchain, images, packages) is cached outside the clone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from toolchain.folders import state_folder
from toolchain.pulumi_home import Home

TENANT = "66666666-7777-4888-9999-000000000000"

PUBLIC_ADDRESSES = IPv4Network("198.51.100.0/24")
"""From here the stand-in gives public addresses (RFC 5737, TEST-NET-2: never routed on the Internet)."""

INTERNET = IPv4Network("203.0.113.0/24")
"""The rehearsal's Internet side (RFC 5737, TEST-NET-3)."""
INTERNET_ROUTER = IPv4Address("203.0.113.1")
OPERATOR = IPv4Address("203.0.113.10")
OLD_HOSTER = IPv4Address("203.0.113.20")
OUTSIDE = IPv4Address("203.0.113.66")
PUBLIC_DNS = IPv4Address("203.0.113.53")
PACKAGE_SERVER = IPv4Address("203.0.113.80")
KEY_VAULT = IPv4Address("203.0.113.90")

METADATA = IPv4Address("169.254.169.254")
"""Azure's instance metadata service, the same address in every virtual network."""
PLATFORM_DNS = IPv4Address("168.63.129.16")
"""Azure's own resolver, the same address in every virtual network."""

RUNTIME = Path("/run/livegang")
"""Sockets and locks of all rehearsals of the machine; gone after its reboot."""


@dataclass(frozen=True)
class Settings:
    """The folders of one rehearsal."""

    state: Path

    @classmethod
    def for_this_clone(cls) -> Settings:
        """The rehearsal of this clone, or the one that LIVEGANG_STATE names."""
        return cls(state_folder())

    @property
    def identifier(self) -> str:
        """Eight characters that distinguish this rehearsal from others on the same machine."""
        return hashlib.sha256(str(self.state).encode()).hexdigest()[:8]

    @property
    def runtime(self) -> Path:
        """Sockets and process ids; gone after a reboot of the machine."""
        return RUNTIME / self.identifier

    @property
    def socket(self) -> Path:
        """The supervisor's socket."""
        return self.runtime / "supervisor.sock"

    @property
    def keys(self) -> Path:
        """What is generated on the machine: operator key, certificate authority, the gateway's PFX."""
        return self.state / "keys"

    @property
    def pulumi_home(self) -> Path:
        return Home(self.state).folder

    @property
    def backend(self) -> Path:
        return Home(self.state).backend

    @property
    def records(self) -> Path:
        """What the stand-in was asked to make, one JSON file per resource."""
        return self.state / "records"

    @property
    def machines(self) -> Path:
        """Root file systems and disks of the hosts."""
        return self.state / "machines"

    @property
    def disks(self) -> Path:
        """Content of the managed data disks; a host that is replaced finds its own again."""
        return self.state / "disks"

    @property
    def snapshots(self) -> Path:
        """Layers of hosts' roots and copies of disks to go back to; see rehearsal/snapshots/."""
        return self.state / "snapshots"

    @property
    def reset(self) -> Path:
        """Names the snapshot that hosts and disks are to be put back to before anything starts again."""
        return self.state / "reset.json"

    @property
    def vault(self) -> Path:
        """The stand-in Key Vault's secrets, readable by root only."""
        return self.state / "vault"

    @property
    def services(self) -> Path:
        """Root file systems of the service containers; fresh at each start."""
        return self.state / "services"

    @property
    def packages(self) -> Path:
        """What the package server shows: a link to the staged repository that this rehearsal uses."""
        return self.state / "packages"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    def way_in(self, vantage: str) -> Path:
        """The socket that leads to a vantage point; see rehearsal/control/way_in.py."""
        return self.runtime / f"{vantage}.sock"
