"""Models that the topology and the inventory have in common: values that pass through the stack unchanged."""

from __future__ import annotations

from ipaddress import IPv4Address

from pydantic import BaseModel, ConfigDict, Field


class Document(BaseModel):
    """Base of every part: immutable, and an unknown key is an error instead of being ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VantagePoint(Document):
    """A place from which reachability is checked."""

    spec: str
    """testinfra host spec: ``local://``, or ``ssh://NAME`` of an entry in the generated ssh_config."""
    address: IPv4Address | None = None
    port: int = 22
    user: str | None = None
    identity_file: str | None = None
    host_keys: list[str] = Field(default_factory=list)
    host_keys_file: str | None = None
    """File with the public host keys, where these are generated on the machine and not part of the stack."""
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
    """Where alerts are sent."""

    webhook: str | None = Field(
        default=None,
        pattern=r"^https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*)?$",
        description="the http(s) address of a webhook, without user or query: the stack file is not encrypted",
    )
    """Where Alertmanager posts notifications. None: only to the management host's own alert log."""
