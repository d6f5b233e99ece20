"""A provider without an engine, and a manager that does as a test tells it."""

from __future__ import annotations

from pathlib import Path

from rehearsal.provider.backends import Log, ResourceManager
from rehearsal.provider.engine import Engine
from rehearsal.provider.errors import ProviderError
from rehearsal.provider.ledger import Ledger
from rehearsal.provider.provider import Provider
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.types.base import ResourceType
from rehearsal.provider.values import Properties, merge
from toolchain.pulumi_home import SUBSCRIPTION


class MemoryManager:
    """Keeps what is put; a test may set what is observed, or a failure."""

    def __init__(self) -> None:
        self.things: dict[str, Properties] = {}
        self.observed: dict[str, Properties] = {}
        self.failures: dict[str, str] = {}
        """By the end of an id: why making it fails."""
        self.calls: list[str] = []

    def put(self, kind: ResourceType, identifier: str, properties: Properties, log: Log) -> Properties:
        self.calls.append("put")
        log("making it")
        for ending, reason in self.failures.items():
            if identifier.endswith(ending):
                raise ProviderError(reason)
        self.things[identifier] = properties
        return self.observed.get(identifier, {})

    def get(self, kind: ResourceType, identifier: str) -> Properties | None:
        self.calls.append("get")
        return merge({}, self.observed.get(identifier, {})) if identifier in self.things else None

    def delete(self, kind: ResourceType, identifier: str, log: Log) -> None:
        self.calls.append("delete")
        self.things.pop(identifier, None)


def provider(folder: Path, manager: ResourceManager) -> Provider:
    """A configured provider whose ledger is in ``folder``."""
    return Provider(
        KnownResources(SUBSCRIPTION, "germanywestcentral"), manager, Ledger(folder / "ledger.json"), Engine(None)
    )


def urn(name: str, logical: str = "it") -> str:
    """The URN of a resource of a type such as ``network:Subnet``."""
    return f"urn:pulumi:test::livegang::azure-native:{name}::{logical}"
