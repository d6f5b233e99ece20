"""A small landscape for the tests against the real engine; options.json next to Pulumi.yaml spoils it.

The resources are registered as the SDK's classes do it, without these: to import them takes most of a preview.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pulumi

OPTIONS: dict[str, Any] = json.loads(Path("options.json").read_text())
CANARY = "CANARY-" + OPTIONS.get("secret", "1")
USER = OPTIONS.get("user", "ops")


class Azure(pulumi.CustomResource):
    """A resource of any type, with the outputs that are named."""

    def __init__(self, kind: str, name: str, outputs: tuple[str, ...] = (), **properties: Any) -> None:
        options = pulumi.ResourceOptions(version="3.29.0", delete_before_replace=True)
        super().__init__(f"azure-native:{kind}", name, {**dict.fromkeys(outputs), **properties}, options)

    def output(self, name: str) -> pulumi.Output[Any]:
        found: pulumi.Output[Any] = pulumi.get(self, name)
        return found


group = Azure("resources:ResourceGroup", "group", ("name",), resourceGroupName="rg-test")
inside: dict[str, Any] = {"resourceGroupName": group.output("name")}
vnet = Azure(
    "network:VirtualNetwork",
    "vnet",
    ("name",),
    **inside,
    virtualNetworkName="vnet",
    addressSpace={"addressPrefixes": ["10.77.0.0/16"]},
)
rules = [
    {
        "name": name,
        "priority": 100 + 10 * index,
        "direction": "Inbound",
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "10.77.2.0/24",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "10.77.1.0/24",
        "destinationPortRange": str(5432 + index),
    }
    for index, name in enumerate(("one", "two", "three"))
    if name != OPTIONS.get("without")
]
security = Azure(
    "network:NetworkSecurityGroup", "security", **inside, networkSecurityGroupName="nsg", securityRules=rules
)
address = Azure(
    "network:PublicIPAddress",
    "address",
    ("ipAddress",),
    **inside,
    publicIpAddressName="pip",
    sku={"name": "Standard"},
    publicIPAllocationMethod="Static",
)
subnet = Azure(
    "network:Subnet",
    "subnet",
    **inside,
    virtualNetworkName=vnet.output("name"),
    subnetName="database",
    addressPrefix="10.77.1.0/24",
    networkSecurityGroup={"id": security.id},
)
configuration = {
    "name": "primary",
    "subnet": {"id": subnet.id},
    "privateIPAllocationMethod": "Static",
    "privateIPAddress": OPTIONS.get("address", "10.77.1.4"),
}
interface = Azure(
    "network:NetworkInterface", "interface", **inside, networkInterfaceName="nic", ipConfigurations=[configuration]
)
disk = Azure(
    "compute:Disk",
    "disk",
    **inside,
    diskName="disk",
    creationData={"createOption": "Empty"},
    diskSizeGB=4,
    zones=["1"],
)
identity = Azure("managedidentity:UserAssignedIdentity", "identity", **inside, resourceName="id-db01")
keys = [{"path": f"/home/{USER}/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAAC3Nz ops"}]
linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}}
machine = Azure(
    "compute:VirtualMachine",
    "machine",
    **inside,
    vmName="vm",
    zones=["1"],
    hardwareProfile={"vmSize": OPTIONS.get("size", "Standard_D4as_v5")},
    osProfile={
        "computerName": "db01",
        "adminUsername": USER,
        "customData": pulumi.Output.secret(base64.b64encode(CANARY.encode()).decode()),
        "linuxConfiguraton" if OPTIONS.get("misspelt") else "linuxConfiguration": linux,
    },
    networkProfile={"networkInterfaces": [{"id": interface.id}]},
    storageProfile={
        "imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "0.1"},
        "osDisk": {"createOption": "FromImage"},
        "dataDisks": [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk.id}}],
    },
    identity={"type": "UserAssigned", "userAssignedIdentities": [identity.id]},
)
vault = Azure(
    "keyvault:Vault",
    "vault",
    ("name",),
    **inside,
    vaultName="kv-test",
    properties={"sku": {"family": "A", "name": "standard"}, "tenantId": "66666666-7777-4888-9999-000000000000"},
)
secret = Azure(
    "keyvault:Secret",
    "secret",
    **inside,
    vaultName=vault.output("name"),
    secretName="tls",
    properties={"value": pulumi.Output.secret(CANARY)},
)
zone = Azure("dns:Zone", "zone", ("name",), **inside, zoneName="sites.test", location="Global")
Azure(
    "dns:RecordSet",
    "record",
    **inside,
    zoneName=zone.output("name"),
    relativeRecordSetName="kita",
    recordType="A",
    ttl=60,
    aRecords=[{"ipv4Address": address.output("ipAddress")}],
)
if OPTIONS.get("unknown"):
    Azure("storage:StorageAccount", "unknown", accountName="a")

pulumi.export("address", address.output("ipAddress"))
pulumi.export("secret", secret.output("properties").apply(lambda properties: properties["secretUriWithVersion"]))
