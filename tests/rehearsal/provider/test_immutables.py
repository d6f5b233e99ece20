"""What Azure refuses to change is refused before it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider import immutables
from rehearsal.provider.types import TYPES
from rehearsal.provider.values import UNKNOWN, Properties
from tests.rehearsal.provider.samples import changed, sample
from toolchain.pulumi_home import SUBSCRIPTION


def refused(name: str, old: Properties, new: Properties, users: tuple[str, ...] = ()) -> list[str]:
    kind = TYPES[f"azure-native:{name}"]
    outputs = kind.outputs(str(kind.resource_id(old, SUBSCRIPTION)), old)
    return immutables.refusals(kind.token, old, new, outputs, lambda: list(users))


REFUSED: dict[str, list[tuple[Any, ...]]] = {
    # by type: path, new value, code or a part of the reason, and where another path than that one is named, this
    "compute:VirtualMachine": [
        ("osProfile.computerName", "db02", "PropertyChangeNotAllowed"),
        ("osProfile.adminUsername", "admin9", "PropertyChangeNotAllowed"),
        ("osProfile.customData", "", "PropertyChangeNotAllowed"),
        (
            "osProfile.linuxConfiguration.ssh.publicKeys[0].keyData",
            "ssh-ed25519 AAAAother",
            "PropertyChangeNotAllowed",
            "osProfile.linuxConfiguration.ssh.publicKeys",
        ),
        ("storageProfile.imageReference.version", "0.3", "PropertyChangeNotAllowed", "storageProfile.imageReference"),
        ("zones[0]", "2", "PropertyChangeNotAllowed", "zones"),
        ("zones", None, "PropertyChangeNotAllowed"),
        ("location", "westeurope", "InvalidResourceLocation"),
        ("storageProfile.osDisk.name", "other", "PropertyChangeNotAllowed"),
        ("storageProfile.osDisk.diskSizeGB", 64, "ResizeDiskError"),
        ("securityProfile", {"encryptionAtHost": True}, "deallocated", "securityProfile.encryptionAtHost"),
        (
            "networkProfile.networkInterfaces[0].id",
            "/other",
            "CannotAddOrRemoveNetworkInterfacesFromARunningVirtualMachine",
            "networkProfile.networkInterfaces",
        ),
    ],
    "compute:Disk": [
        ("diskSizeGB", 2, "can grow, not shrink"),
        ("zones[0]", "2", "PropertyChangeNotAllowed", "zones"),
        ("sku.name", "Standard_LRS", "OperationNotAllowed", "sku"),
    ],
    "network:PublicIPAddress": [
        ("zones", ["1"], "ResourceAvailabilityZonesCannotBeModified"),
    ],
    "keyvault:Vault": [
        ("properties.softDeleteRetentionInDays", 30, "BadRequest"),
    ],
    "authorization:RoleAssignment": [
        ("roleDefinitionId", "/other", "RoleAssignmentUpdateNotPermitted"),
    ],
    "privatedns:VirtualNetworkLink": [
        ("virtualNetwork.id", "/other", "not known", "virtualNetwork"),
    ],
}


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in REFUSED.items() for row in rows])
def test_azure_refuses(name: str, row: tuple[Any, ...]) -> None:
    path, value, code, *named = row
    (reason,) = refused(name, sample(name), changed(sample(name), path, value))
    assert reason.startswith(f"{named[0] if named else path}: ")
    assert code in reason
    assert "Source: " in reason


ALLOWED: list[tuple[str, str, Any]] = [
    ("compute:VirtualMachine", "hardwareProfile.vmSize", "Standard_D8as_v5"),
    ("compute:VirtualMachine", "tags", {"a": "b"}),
    ("compute:VirtualMachine", "location", "Germany West Central"),
    # What Azure filled in, said now: no change.
    ("compute:VirtualMachine", "storageProfile.osDisk.diskSizeGB", 30),
    ("compute:VirtualMachine", "osProfile.linuxConfiguration.provisionVMAgent", True),
    ("compute:VirtualMachine", "osProfile.customData", UNKNOWN),
    ("compute:Disk", "diskSizeGB", 8),
    ("keyvault:Vault", "properties.enablePurgeProtection", True),
    ("network:Subnet", "addressPrefix", "10.0.1.0/25"),
]


@pytest.mark.parametrize(("name", "path", "value"), ALLOWED)
def test_azure_allows(name: str, path: str, value: Any) -> None:
    assert refused(name, sample(name), changed(sample(name), path, value)) == []


def test_a_used_subnets_prefix_is_refused_naming_who_uses_it() -> None:
    new = sample("network:Subnet", addressPrefix="10.0.1.0/25")
    (reason,) = refused("network:Subnet", sample("network:Subnet"), new, ("nic-web01",))
    assert "InUsePrefixCannotBeDeleted" in reason
    assert "nic-web01" in reason


def test_purge_protection_is_one_way() -> None:
    on = changed(sample("keyvault:Vault"), "properties.enablePurgeProtection", True)
    off = changed(on, "properties.enablePurgeProtection", False)
    (reason,) = refused("keyvault:Vault", on, off)
    assert "cannot be set to false" in reason


def test_another_size_restarts_the_machine() -> None:
    old, path = sample("compute:VirtualMachine"), "hardwareProfile.vmSize"
    new = changed(old, path, "Standard_D8as_v5")
    assert immutables.restarts("azure-native:compute:VirtualMachine", old, new, {}) == [path]
