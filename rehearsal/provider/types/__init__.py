"""The resource types that the stand-in knows, one module per family."""

from __future__ import annotations

from rehearsal.provider.types import (
    authorization,
    balancer,
    compute,
    dns,
    gateway,
    identity,
    keyvault,
    network,
    resource_groups,
    security_groups,
)
from rehearsal.provider.types.base import ResourceType

FAMILIES = (
    authorization,
    balancer,
    compute,
    dns,
    gateway,
    identity,
    keyvault,
    network,
    resource_groups,
    security_groups,
)

TYPES: dict[str, ResourceType] = {kind.token: kind for family in FAMILIES for kind in family.TYPES}
"""By token, e.g. ``azure-native:network:Subnet``."""
