"""Resource groups."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, named
from rehearsal.provider.values import Properties


class ResourceGroup(ResourceType):
    token = "azure-native:resources:ResourceGroup"
    path = GROUP
    arm_type = "Microsoft.Resources/resourceGroups"
    replacing = frozenset({"location"})
    not_modelled = "Deleting a group does not delete what is in it: Pulumi deletes that itself."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        rule = "1 to 90 letters, digits, and -_.(), not ending with a dot"
        yield from named(r"[\w.()-]{0,89}[\w()-]", inputs, "resourceGroupName", rule)

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {"properties": SUCCEEDED, **body}


TYPES = (ResourceGroup(),)
