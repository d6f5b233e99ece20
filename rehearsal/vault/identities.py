"""Managed identities: the principals that resources act as."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rehearsal.base.settings import TENANT
from rehearsal.base.world import World


@dataclass(frozen=True)
class Identity:
    """A user-assigned managed identity."""

    id: str
    """Its ARM id."""
    principal: str
    """Object id, to which roles are assigned."""
    client: str
    """Application id, by which a machine with several identities chooses one."""


def computed(identifier: str, kind: str) -> str:
    """A GUID that depends on the resource only; the provider computes it the same way."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identifier.lower()}#{kind}"))


def outputs(identifier: str) -> dict[str, str]:
    """What Azure fills in when it creates an identity."""
    return {
        "principalId": computed(identifier, "principal"),
        "clientId": computed(identifier, "client"),
        "tenantId": TENANT,
    }


def identity(world: World, identifier: str) -> Identity | None:
    """The identity with this ARM id, if it was created."""
    record = world.records.get(identifier)
    if record is None or not record.type.endswith(":UserAssignedIdentity"):
        return None
    known = {**outputs(record.id), **record.observed}
    return Identity(record.id, str(known["principalId"]), str(known["clientId"]))


def assigned(world: World, properties: dict[str, Any]) -> list[Identity]:
    """The identities in a resource's ``identity`` property, without those that do not exist."""
    named: Iterable[str] = (properties.get("identity") or {}).get("userAssignedIdentities") or ()
    return [found for name in named if (found := identity(world, name)) is not None]


def identities_of(world: World, resource: str) -> list[Identity]:
    """The identities of a recorded resource, e.g. a virtual machine, by its ARM id."""
    record = world.records.get(resource)
    return assigned(world, record.properties) if record else []


def principal_of(world: World, identifier: str) -> str | None:
    """The principal of an identity by its ARM id."""
    found = identity(world, identifier)
    return found.principal if found else None
