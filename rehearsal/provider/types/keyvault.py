"""Key vaults and their secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, digest, named, within
from rehearsal.provider.values import Properties, look

_GUID = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


class Vault(ResourceType):
    token = "azure-native:keyvault:Vault"
    path = GROUP + "/providers/Microsoft.KeyVault/vaults/{vaultName}"
    arm_type = "Microsoft.KeyVault/vaults"
    real = "Answers Key Vault's REST interface for secrets, with roles, at its own name."
    not_modelled = "Keys, the firewall, soft delete: a deleted vault's name is free at once. Roles count at once."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        name = inputs.get("vaultName")
        rule = "3 to 24 letters, digits and -, beginning with a letter, no two - in a row"
        wrong = isinstance(name, str) and (
            "--" in name or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]", name)
        )
        if wrong:
            yield Failure("vaultName", f"{name!r} is no vault's name (VaultNameNotValid): {rule}")
        tenant = look(inputs, "properties.tenantId")
        if isinstance(tenant, str) and not re.fullmatch(_GUID, tenant):
            yield Failure("properties.tenantId", f"{tenant!r} is no GUID (InvalidTenantId)")
        days = look(inputs, "properties.softDeleteRetentionInDays")
        yield from within(days, 7, 90, "properties.softDeleteRetentionInDays")
        if look(inputs, "properties.enablePurgeProtection") is False:
            yield Failure("properties.enablePurgeProtection", "cannot be set to false (BadRequest); leave it out")
        if look(inputs, "properties.enableSoftDelete") is False:
            yield Failure("properties.enableSoftDelete", "cannot be set to false (BadRequest); leave it out")
        if look(inputs, "properties.sku.family") is None:
            yield Failure("properties.sku.family", "missing required property: A")

    def complete(self, identifier: str, body: Properties) -> Properties:
        name = identifier.rpartition("/")[2]
        defaults = {
            **SUCCEEDED,
            "accessPolicies": [],
            "enabledForDeployment": False,
            "enableRbacAuthorization": False,
            "enableSoftDelete": True,
            "softDeleteRetentionInDays": 90,
            "publicNetworkAccess": "Enabled",
            "vaultUri": f"https://{name.lower()}.vault.azure.net/",
        }
        return {**body, "properties": {**defaults, **body.get("properties", {})}}


class Secret(ResourceType):
    token = "azure-native:keyvault:Secret"
    path = GROUP + "/providers/Microsoft.KeyVault/vaults/{vaultName}/secrets/{secretName}"
    arm_type = "Microsoft.KeyVault/vaults/secrets"
    naming = "copy"
    write_only = ("properties.value",)
    real = "Read by machines over Key Vault's REST interface; each value is a version."
    not_modelled = "Soft delete: a deleted secret's name is free at once."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(r"[A-Za-z0-9-]{1,127}", inputs, "secretName", "1 to 127 letters, digits and -")
        value = look(inputs, "properties.value")
        if value is None:
            yield Failure("properties.value", "missing required property")
        if isinstance(value, str) and len(value.encode()) > 25 * 1024:
            yield Failure(
                "properties.value", f"{len(value.encode())} bytes; a secret has 25 KiB at most (BadParameter)"
            )

    def outputs(self, identifier: str, inputs: Properties) -> Properties:
        outputs = super().outputs(identifier, inputs)
        values = self.path_values(identifier)
        uri = f"https://{values['vaultName'].lower()}.vault.azure.net/secrets/{values['secretName']}"
        # A new value is a new version; the same value, put again after an interruption, is the same one.
        version = digest(identifier.lower(), str(look(inputs, "properties.value")))
        properties = outputs.get("properties", {})
        given = {"attributes": {"enabled": True, **properties.get("attributes", {})}}
        return {
            **outputs,
            "properties": {**properties, **given, "secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"},
        }

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {**body}


TYPES = (Vault(), Secret())
