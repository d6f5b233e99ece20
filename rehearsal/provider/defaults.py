"""What the provider adds to a program's inputs, as the real one's Check does: name, location, API version."""

from __future__ import annotations

import hashlib
import uuid

from rehearsal.provider import schema
from rehearsal.provider.diff import normal_location
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types import TYPES
from rehearsal.provider.types.base import ResourceType
from rehearsal.provider.values import UNKNOWN, Properties

_GROUP = "azure-native:resources:ResourceGroup"


def with_defaults(
    kind: ResourceType, urn: str, old: Properties, new: Properties, seed: bytes, checked: KnownResources
) -> Properties:
    """The new plain inputs, completed; ``old`` are those of the state, ``seed`` the engine's for made-up names."""
    inputs = dict(new)
    known = schema.resource(kind.token)["properties"]
    if inputs.get(kind.name_parameter) is None:
        if kind.name_parameter in old:
            inputs[kind.name_parameter] = old[kind.name_parameter]
            random = old.get("__createBeforeDelete") is True
        else:
            inputs[kind.name_parameter] = _made_name(kind, urn, seed)
            random = kind.naming != "copy"
        if random:
            inputs["__createBeforeDelete"] = True
    if "location" in known and inputs.get("location") is None:
        location = _default_location(old, inputs, checked)
        if location is not None:
            inputs["location"] = location
    inputs.setdefault("azureApiVersion", schema.resource(kind.token)["api"])
    return inputs


def _default_location(old: Properties, inputs: Properties, checked: KnownResources) -> object:
    """In the real provider's order: the old inputs', the configuration's, the resource group's."""
    if "location" in old:
        return old["location"]
    if checked.location:
        return checked.location
    if inputs.get("resourceGroupName") is UNKNOWN:
        return UNKNOWN
    identifier = TYPES[_GROUP].resource_id(inputs, checked.subscription)
    found = checked.find(_GROUP, identifier)
    return found.get("location") if found else None


def location_refused(kind: ResourceType, inputs: Properties) -> list[Failure]:
    """Failures of the location of completed inputs."""
    if "location" not in schema.resource(kind.token)["properties"]:
        return []
    location = inputs.get("location")
    if location is None:
        cure = "set it, or configure it: pulumi config set azure-native:location VALUE"
        return [Failure("location", f"missing required property; {cure}")]
    if kind.global_location and isinstance(location, str) and normal_location(location) != "global":
        reason = f"{location!r}: this type is at the location Global only (LocationNotAvailableForResourceType)"
        return [Failure("location", f"{reason}; left out, the provider fills in the stack's or the group's")]
    return []


def _made_name(kind: ResourceType, urn: str, seed: bytes) -> str:
    """A name where the program gives none, formed as the real provider forms it."""
    name = urn.rpartition("::")[2]
    random = hashlib.sha256(seed + urn.encode()).hexdigest()
    match kind.naming:
        case "copy":
            return name
        case "uuid":
            return str(uuid.UUID(random[:32]))
    return f"{name}{random[:8]}"
