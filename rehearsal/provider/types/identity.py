"""Managed identities."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.base import settings
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import ResourceType, guid, named
from rehearsal.provider.values import Properties


class UserAssignedIdentity(ResourceType):
    token = "azure-native:managedidentity:UserAssignedIdentity"
    # Azure returns this type's ids with `resourcegroups` in lower case (pulumi-azure-native issue 2152).
    path = (
        "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}"
        "/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
    )
    arm_type = "Microsoft.ManagedIdentity/userAssignedIdentities"
    replacing = frozenset({"location"})
    real = "A machine that has it gets its tokens from the metadata endpoint."
    not_modelled = "There is no directory: identifiers are derived from the resource id."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        rule = "3 to 128 letters, digits, - and _, beginning with a letter or digit"
        yield from named(r"[A-Za-z0-9][A-Za-z0-9_-]{2,127}", inputs, "resourceName", rule)

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {
            "principalId": guid(identifier, "principal"),
            "clientId": guid(identifier, "client"),
            "tenantId": settings.TENANT,
            **body,
        }


TYPES = (UserAssignedIdentity(),)
