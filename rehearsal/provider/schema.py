"""The shapes of the supported resource types, read from schema.json (see schema_generator)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).with_name("schema.json")

SUPPORTED = (
    "azure-native:authorization:RoleAssignment",
    "azure-native:compute:Disk",
    "azure-native:compute:VirtualMachine",
    "azure-native:dns:RecordSet",
    "azure-native:dns:Zone",
    "azure-native:keyvault:Secret",
    "azure-native:keyvault:Vault",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:network:ApplicationGateway",
    "azure-native:network:LoadBalancer",
    "azure-native:network:NatGateway",
    "azure-native:network:NetworkInterface",
    "azure-native:network:NetworkSecurityGroup",
    "azure-native:network:PublicIPAddress",
    "azure-native:network:Subnet",
    "azure-native:network:VirtualNetwork",
    "azure-native:network:WebApplicationFirewallPolicy",
    "azure-native:privatedns:PrivateRecordSet",
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:resources:ResourceGroup",
)
"""The tokens that the stand-in knows; any other is an error."""

Spec = Any
"""``"string"``, ``"integer"``, ``"number"``, ``"boolean"``, ``"any"``, or a dict with one key of ``array``, ``map``
(whose value is a Spec), ``object`` or ``enum`` (whose value is a name within the schema)."""


def configuration() -> list[str]:
    """The settings of the provider itself, without ``azure-native:``."""
    found: list[str] = document()["configuration"]
    return found


@cache
def document() -> dict[str, Any]:
    """The committed schema."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def resource(token: str) -> dict[str, Any]:
    """``api``, ``properties``, ``required`` and ``outputs`` of a supported type."""
    found: dict[str, Any] = document()["resources"][token]
    return found


def input_object(name: str) -> dict[str, Any]:
    """``properties`` and ``required`` of a nested input shape."""
    found: dict[str, Any] = document()["inputs"][name]
    return found


def output_object(name: str) -> dict[str, Spec]:
    """Property names and specs of a nested output shape."""
    found: dict[str, Spec] = document()["outputs"][name]
    return found


def enum_values(name: str) -> list[str]:
    found: list[str] = document()["enums"][name]
    return found
