"""Virtual machines and managed disks."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from rehearsal.base import settings
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, duplicates, guid, items, named, within
from rehearsal.provider.types.gateway import assigned
from rehearsal.provider.types.network import zones_refused
from rehearsal.provider.values import UNKNOWN, Properties, look

CUSTOM_DATA_AT_MOST = 65535
"""Bytes of customData, decoded."""

_DISK_TOKEN = "azure-native:compute:Disk"
_SIZE = r"(Standard|Basic)_[A-Z]{1,3}\d{1,3}(-\d{1,3})?[a-z]*(_[A-Za-z0-9]+)*"
_NAMES_REFUSED = frozenset(
    {
        *("1", "123", "a", "actuser", "adm", "admin", "admin1", "admin2", "administrator", "aspnet", "backup"),
        *("console", "david", "guest", "john", "owner", "root", "server", "sql", "support", "support_388945a0"),
        *("sys", "test", "test1", "test2", "test3", "user", "user1", "user2", "user3", "user4", "user5"),
    }
)
"""ARM lets no administrator have one of these names."""


class Disk(ResourceType):
    token = _DISK_TOKEN
    path = GROUP + "/providers/Microsoft.Compute/disks/{diskName}"
    arm_type = "Microsoft.Compute/disks"
    real = "A loop device over a file; the machine it is attached to sees it below /dev/disk/azure."
    not_modelled = "Speed, encryption, zones, snapshots, sharing, disks made from anything but nothing."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", inputs, "diskName", "1 to 80 letters, digits, and _.-")
        yield from zones_refused(inputs, 1)
        option, size = look(inputs, "creationData.createOption"), inputs.get("diskSizeGB")
        if option == "Empty" and size is None:
            yield Failure("diskSizeGB", "missing: an empty disk has a size (InvalidParameter)")
        if isinstance(option, str) and option != "Empty":
            yield Failure("creationData.createOption", f"the stand-in makes empty disks only, not {option}")
        yield from within(size, 1, 65536, "diskSizeGB")

    def complete(self, identifier: str, body: Properties) -> Properties:
        size = body.get("diskSizeGB")
        return {
            **SUCCEEDED,
            "uniqueId": guid(identifier, "unique"),
            "diskState": "Unattached",
            "networkAccessPolicy": "AllowAll",
            "publicNetworkAccess": "Enabled",
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            **({"diskSizeBytes": size * 2**30} if isinstance(size, int) else {}),
            **body,
            "sku": {"name": "Standard_LRS", **body.get("sku", {})},
        }


class VirtualMachine(ResourceType):
    token = "azure-native:compute:VirtualMachine"
    path = GROUP + "/providers/Microsoft.Compute/virtualMachines/{vmName}"
    arm_type = "Microsoft.Compute/virtualMachines"
    survives_failure = True
    write_only = ("osProfile.customData", "osProfile.adminPassword", "userData")
    real = "A booted Debian host whose customData real cloud-init runs."
    not_modelled = (
        "Its size, image version, zone, security profile, kernel; all hosts share the machine's kernel and clock."
    )

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}\w)?", inputs, "vmName", "1 to 64 letters, digits, . and -")
        yield from zones_refused(inputs, 1)
        size = look(inputs, "hardwareProfile.vmSize")
        if size is None:
            yield Failure("hardwareProfile.vmSize", "missing required property")
        if isinstance(size, str) and not re.fullmatch(_SIZE, size):
            yield Failure("hardwareProfile.vmSize", f"{size!r} is no machine size (InvalidParameter): Standard_D4as_v5")
        if inputs.get("osProfile") is not None and inputs["osProfile"] is not UNKNOWN:
            yield from _system_refused(inputs["osProfile"])
        yield from _image_refused(inputs)
        yield from _interfaces_refused(inputs)
        yield from _disks_refused(inputs, checked)

    def complete(self, identifier: str, body: Properties) -> Properties:
        full: Properties = {**SUCCEEDED, "vmId": guid(identifier, "vm"), **body}
        if isinstance(body.get("osProfile"), dict):
            full["osProfile"] = _completed_system(body["osProfile"])
        if isinstance(body.get("storageProfile"), dict):
            full["storageProfile"] = self._completed_storage(identifier, body["storageProfile"])
        if isinstance(body.get("identity"), dict):
            full["identity"] = _completed_identity(identifier, body["identity"])
        return full

    def _completed_storage(self, identifier: str, storage: Properties) -> Properties:
        group, _, name = identifier.partition("/providers/Microsoft.Compute/virtualMachines/")
        disk = {
            "osType": "Linux",
            "name": f"{name}_OsDisk",
            "caching": "None",
            "deleteOption": "Detach",
            "diskSizeGB": 30,
            **storage.get("osDisk", {}),
        }
        # Azure returns ids of disks with the group's name in capitals (pulumi-azure-native issue 2653).
        head, _, group_name = group.rpartition("/")
        disk_id = f"{head}/{group_name.upper()}/providers/Microsoft.Compute/disks/{disk['name']}"
        disk["managedDisk"] = {"storageAccountType": "Premium_LRS", "id": disk_id, **disk.get("managedDisk", {})}
        image = storage.get("imageReference")
        version = look(image, "version")
        exact = {"exactVersion": version} if version not in (None, "latest") else {}
        return {
            "diskControllerType": "SCSI",
            **storage,
            "osDisk": disk,
            "dataDisks": [
                {
                    "caching": "None",
                    "deleteOption": "Detach",
                    "toBeDetached": False,
                    "name": str(look(data, "managedDisk.id") or "").rpartition("/")[2],
                    **data,
                }
                for data in storage.get("dataDisks") or []
            ],
            **({"imageReference": {**image, **exact}} if isinstance(image, dict) else {}),
        }


def _completed_system(system: Properties) -> Properties:
    full: Properties = {"allowExtensionOperations": True, "requireGuestProvisionSignal": True, "secrets": [], **system}
    linux = system.get("linuxConfiguration")
    if isinstance(linux, dict):
        full["linuxConfiguration"] = {
            "disablePasswordAuthentication": False,
            "provisionVMAgent": True,
            "enableVMAgentPlatformUpdates": False,
            **linux,
            "patchSettings": {
                "patchMode": "ImageDefault",
                "assessmentMode": "ImageDefault",
                **linux.get("patchSettings", {}),
            },
        }
    return full


def _completed_identity(identifier: str, identity: Properties) -> Properties:
    full: Properties = dict(identity)
    if "SystemAssigned" in str(identity.get("type", "")):
        full |= {"principalId": guid(identifier, "principal"), "tenantId": settings.TENANT}
    if isinstance(identity.get("userAssignedIdentities"), list):
        full["userAssignedIdentities"] = assigned(identity["userAssignedIdentities"])
    return full


def _system_refused(system: Properties) -> Iterator[Failure]:
    computer, user, data = system.get("computerName"), system.get("adminUsername"), system.get("customData")
    if computer is None:
        yield Failure("osProfile.computerName", "missing required property")
    if isinstance(computer, str) and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62}[A-Za-z0-9])?", computer):
        rule = "1 to 64 letters, digits and -"
        yield Failure("osProfile.computerName", f"{computer!r} is no host name (InvalidParameter): {rule}")
    if user is None:
        yield Failure("osProfile.adminUsername", "missing required property")
    if isinstance(user, str) and (user.lower() in _NAMES_REFUSED or not re.fullmatch(r"[a-z_][a-z0-9_-]{0,63}", user)):
        yield Failure(
            "osProfile.adminUsername",
            f"{user!r} is not a name that Azure lets an administrator have (InvalidParameter)",
        )
    if system.get("windowsConfiguration") is not None:
        yield Failure("osProfile.windowsConfiguration", "the stand-in boots Linux only")
    if isinstance(data, str):
        yield from _custom_data_refused(data)
    yield from _access_refused(system, user)


def _custom_data_refused(data: str) -> Iterator[Failure]:
    path = "osProfile.customData"
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        yield Failure(path, "is not base64 (InvalidParameter): encode the cloud-init document")
        return
    if len(decoded) > CUSTOM_DATA_AT_MOST:
        size = f"{len(decoded)} bytes decoded; Azure takes {CUSTOM_DATA_AT_MOST}"
        yield Failure(path, f"{size} (InvalidParameter)")


def _access_refused(system: Properties, user: Any) -> Iterator[Failure]:
    keys = look(system, "linuxConfiguration.ssh.publicKeys")
    without_password = look(system, "linuxConfiguration.disablePasswordAuthentication")
    path = "osProfile.linuxConfiguration.ssh.publicKeys"
    if without_password is True and not keys:
        yield Failure(path, "missing: without password a machine has at least one key (InvalidParameter)")
    if without_password in (None, False) and system.get("adminPassword") is None:
        yield Failure("osProfile.adminPassword", "missing: say it, or disablePasswordAuthentication with SSH keys")
    if without_password is True and system.get("adminPassword") is not None:
        yield Failure(
            "osProfile.adminPassword", "cannot be combined with disablePasswordAuthentication (InvalidParameter)"
        )
    for index, key in items(keys):
        target, data = key.get("path"), key.get("keyData")
        expected = f"/home/{user}/.ssh/authorized_keys"
        if isinstance(target, str) and isinstance(user, str) and target != expected:
            yield Failure(f"{path}[{index}].path", f"{target!r}: Azure takes only {expected} (InvalidParameter)")
        if isinstance(data, str) and not re.match(r"(ssh-rsa|ssh-ed25519) AAAA[\w+/=]+", data):
            yield Failure(
                f"{path}[{index}].keyData", "is no SSH public key of kind ssh-rsa or ssh-ed25519 (InvalidParameter)"
            )


def _image_refused(inputs: Properties) -> Iterator[Failure]:
    image, path = look(inputs, "storageProfile.imageReference"), "storageProfile.imageReference"
    if image is UNKNOWN:
        return
    if image is None:
        yield Failure(path, "missing: the stand-in makes machines from an image")
    elif image.get("id") is None:
        for part in ("publisher", "offer", "sku", "version"):
            if image.get(part) is None:
                yield Failure(
                    f"{path}.{part}", "missing: an image has publisher, offer, sku and version (InvalidParameter)"
                )


def _interfaces_refused(inputs: Properties) -> Iterator[Failure]:
    path = "networkProfile.networkInterfaces"
    interfaces = look(inputs, path)
    if interfaces in (None, []):
        yield Failure(path, "missing: a machine has at least one (InvalidParameter)")
    if isinstance(interfaces, list) and len(interfaces) > 1:
        yield Failure(path, "the stand-in's machines have one network interface")


def _disks_refused(inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
    path, disks = "storageProfile.dataDisks", items(look(inputs, "storageProfile.dataDisks"))
    yield from duplicates("lun", disks, path)
    for index, disk in disks:
        here = f"{path}[{index}]"
        yield from within(disk.get("lun"), 0, 63, f"{here}.lun")
        option, disk_id = disk.get("createOption"), look(disk, "managedDisk.id")
        if isinstance(option, str) and option != "Attach":
            yield Failure(f"{here}.createOption", f"{option}: the stand-in attaches Disk resources only (Attach)")
        if option == "Attach" and disk_id is None:
            yield Failure(f"{here}.managedDisk.id", "missing: what is attached has an id (InvalidParameter)")
        found = checked.find(_DISK_TOKEN, disk_id)
        zones, theirs = inputs.get("zones"), found.get("zones") if found else None
        if found and UNKNOWN not in (zones, theirs) and (zones or []) != (theirs or []):
            where = f"the disk's zone is {theirs or 'none'}, the machine's {zones or 'none'}"
            yield Failure(f"{here}.managedDisk.id", f"{where}: a disk is attached in its own zone only (BadRequest)")


TYPES = (Disk(), VirtualMachine())
