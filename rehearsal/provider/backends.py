"""Who makes resources: the rehearsal's supervisor, or offline no one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, Protocol

from rehearsal.base import settings
from rehearsal.provider.errors import ProviderError
from rehearsal.provider.ledger import Entry, Ledger
from rehearsal.provider.types.base import ResourceType
from rehearsal.provider.types.network import address_prefix, address_refused, parse_network
from rehearsal.provider.values import Properties, look

Log = Callable[[str], None]

_PUBLIC_ADDRESS = "azure-native:network:PublicIPAddress"
_INTERFACE = "azure-native:network:NetworkInterface"
_SUBNET = "azure-native:network:Subnet"


class ResourceManager(Protocol):
    """The part of ARM that makes things. Observed properties differ from, or add to, those that were put."""

    def put(self, kind: ResourceType, identifier: str, properties: Properties, log: Log) -> Properties:
        """Make the resource so, whatever is there. Returns what was observed; raises ProviderError."""

    def get(self, kind: ResourceType, identifier: str) -> Properties | None:
        """Observe it; None when it does not exist."""

    def delete(self, kind: ResourceType, identifier: str, log: Log) -> None:
        """Remove it; what is not there is no error."""


class OfflineManager:
    """Makes nothing: notes in the ledger that it was put, and gives addresses."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def put(self, kind: ResourceType, identifier: str, properties: Properties, log: Log) -> Properties:
        with self._ledger.changing() as entries:
            entry = entries[identifier.lower()]
            observed = _observed(kind.token, properties, entry.observed, entries)
            entries[identifier.lower()] = replace(entry, made=True, observed=observed)
        return observed

    def get(self, kind: ResourceType, identifier: str) -> Properties | None:
        entry = self._ledger.find(identifier)
        return entry.observed if entry and entry.made else None

    def delete(self, kind: ResourceType, identifier: str, log: Log) -> None:
        self._ledger.forget(identifier)


def _observed(token: str, properties: Properties, before: Properties, entries: dict[str, Entry]) -> Properties:
    if token == _PUBLIC_ADDRESS:
        return {"ipAddress": before.get("ipAddress") or _free_public_address(entries)}
    if token == _INTERFACE and any("privateIPAddress" not in c for c in properties.get("ipConfigurations", [])):
        return {"ipConfigurations": _addressed(properties["ipConfigurations"], before, entries)}
    return {}


def _free_public_address(entries: dict[str, Entry]) -> str:
    taken = {entry.observed.get("ipAddress") for entry in entries.values()}
    # .1 to .9 are left to the rehearsal's own things.
    for address in list(settings.PUBLIC_ADDRESSES.hosts())[9:]:
        if str(address) not in taken:
            return str(address)
    raise ProviderError(f"All public addresses of {settings.PUBLIC_ADDRESSES} are taken. Delete some first.")


def _addressed(configurations: list[Properties], before: Properties, entries: dict[str, Entry]) -> list[Properties]:
    """The configurations with an address for each that asked for a dynamic one; an existing address is kept."""
    had = {c.get("name"): c.get("privateIPAddress") for c in before.get("ipConfigurations", [])}
    result = []
    for configuration in configurations:
        if "privateIPAddress" in configuration:
            result.append(configuration)
            continue
        subnet = str(look(configuration, "subnet.id"))
        address = had.get(configuration.get("name")) or _free_private_address(subnet, entries)
        result.append({**configuration, "privateIPAddress": address})
    return result


def _free_private_address(subnet: str, entries: dict[str, Entry]) -> str:
    found = entries.get(subnet.lower())
    network = parse_network(address_prefix(found.outputs), "")[0] if found else None
    if network is None:
        raise ProviderError(f"Subnet {subnet} does not exist (InvalidResourceReference). Declare it first.")
    taken: set[Any] = set()
    for entry in entries.values():
        for source in (entry.outputs, entry.observed):
            taken |= {c.get("privateIPAddress") for c in source.get("ipConfigurations", []) if isinstance(c, dict)}
    for address in network.hosts():
        if str(address) not in taken and address_refused(IPv4Address(address), network) is None:
            return str(address)
    raise ProviderError(f"Subnet {subnet} has no free address (SubnetIsFull).")


class SupervisorManager:
    """Has the rehearsal's supervisor make things; starts one where none lives."""

    def __init__(self, configured: settings.Settings) -> None:
        self._settings = configured

    def put(self, kind: ResourceType, identifier: str, properties: Properties, log: Log) -> Properties:
        wanted = {"type": kind.token, "id": identifier, "properties": properties}
        return self._call("put", wanted, log) or {}

    def get(self, kind: ResourceType, identifier: str) -> Properties | None:
        return self._call("get", {"type": kind.token, "id": identifier}, None)

    def delete(self, kind: ResourceType, identifier: str, log: Log) -> None:
        self._call("delete", {"type": kind.token, "id": identifier}, log)

    def _call(self, method: str, params: Properties, log: Log | None) -> Properties | None:
        # Imported here: offline, and in most previews, the supervisor is not needed, and the engine starts this often.
        from console import ExpectedError
        from rehearsal.control import launch
        from rehearsal.control.client import Supervisor

        try:
            launch.ensure(self._settings, log)
            result: Properties | None = Supervisor(self._settings).call(method, params, log)
        except ExpectedError as error:
            raise ProviderError(str(error)) from error
        return result
