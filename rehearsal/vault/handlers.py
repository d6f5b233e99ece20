"""Handlers of vaults, secrets, identities and role assignments."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.base.handler import Handler, HandlerError, Log, Properties
from rehearsal.base.world import World
from rehearsal.vault import identities
from rehearsal.vault.service import DOMAIN, VaultService, service
from rehearsal.vault.store import Content, Version

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SECRET = re.compile(r".*/vaults/(?P<vault>[^/]+)/secrets/(?P<name>[^/]+)", re.IGNORECASE)


def by_token(world: World) -> dict[str, Handler]:
    """The vault family's handlers by Pulumi token."""
    vault = service(world)
    return {
        "azure-native:keyvault:Vault": VaultHandler(vault),
        "azure-native:keyvault:Secret": SecretHandler(vault),
        "azure-native:managedidentity:UserAssignedIdentity": IdentityHandler(),
        "azure-native:authorization:RoleAssignment": RoleAssignmentHandler(),
    }


class VaultHandler:
    """A vault exists once it is recorded; deleting it purges its secrets."""

    def __init__(self, vault: VaultService) -> None:
        self._vault = vault

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        name = _last(identifier)
        taken = self._vault.other_vault(name, identifier)
        if taken is not None:
            raise HandlerError(f"VaultAlreadyExists: the vault name {name} is already in use by {taken.id}.")
        return self._observed(identifier)

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return self._observed(identifier)

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        self._vault.store.delete_vault(_last(identifier))

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Nothing was lost: the secrets are on disk, and the REST interface serves every recorded vault."""

    def _observed(self, identifier: str) -> Properties:
        return {"properties": {"vaultUri": f"https://{_last(identifier).lower()}.{DOMAIN}/"}}


class SecretHandler:
    """A put with another value creates a new version; with the same one it changes nothing."""

    def __init__(self, vault: VaultService) -> None:
        self._vault = vault

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        vault, name = _vault_and_name(identifier)
        if self._vault.find(vault) is None:
            raise HandlerError(f"ParentResourceNotFound: there is no vault {vault} for secret {name}.")
        given = properties.get("properties") or {}
        value = given.get("value")
        if not isinstance(value, str):
            raise HandlerError(f"Secret {name} in vault {vault}: properties.value is missing.")
        attributes = given.get("attributes") or {}
        content = Content(
            value=value,
            content_type=given.get("contentType"),
            enabled=bool(attributes.get("enabled", True)),
            not_before=attributes.get("notBefore"),
            expires=attributes.get("expires"),
            tags=dict(properties.get("tags") or {}),
        )
        return _observed(vault, self._vault.write(vault, name, content))

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        vault, name = _vault_and_name(identifier)
        newest = self._vault.store.get(vault, name)
        return _observed(vault, newest) if newest else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        self._vault.store.delete(*_vault_and_name(identifier))

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Nothing was lost: the values are on disk."""


class IdentityHandler:
    """An identity consists of ids, which are computed from its ARM id."""

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        return dict(identities.outputs(identifier))

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return dict(identities.outputs(identifier))

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        """There is nothing but its record."""

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Nothing was lost: there is nothing but its record."""


class RoleAssignmentHandler:
    """An assignment counts from the moment it is recorded: `role_assignments.py` reads the records."""

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        definition = str(properties.get("roleDefinitionId", ""))
        for key, text in (
            ("roleDefinitionId", definition.rsplit("/", 1)[-1]),
            ("principalId", properties.get("principalId")),
        ):
            if not _GUID.fullmatch(str(text)):
                raise HandlerError(f"InvalidRoleAssignment: {key} {text!r} of {identifier} is not a GUID.")
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {}

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        """There is nothing but its record."""

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Nothing was lost: there is nothing but its record."""


def _last(identifier: str) -> str:
    return identifier.rsplit("/", 1)[-1]


def _vault_and_name(identifier: str) -> tuple[str, str]:
    match = _SECRET.fullmatch(identifier)
    if match is None:
        raise HandlerError(f"{identifier} is not the id of a Key Vault secret.")
    return match["vault"], match["name"]


def _observed(vault: str, version: Version) -> Properties:
    uri = f"https://{vault.lower()}.{DOMAIN}/secrets/{version.name}"
    properties: dict[str, Any] = {"secretUri": uri, "secretUriWithVersion": f"{uri}/{version.identifier}"}
    return {"properties": properties}
