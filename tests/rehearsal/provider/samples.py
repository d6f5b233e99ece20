"""Inputs that the stand-in takes, one of each type, to be spoiled by the tests."""

from __future__ import annotations

import base64
from copy import deepcopy
from typing import Any

from rehearsal.base import settings
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import check_shape
from rehearsal.provider.types import TYPES
from rehearsal.provider.values import Properties
from toolchain.pulumi_home import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
VNET = f"{NETWORK}/virtualNetworks/vnet"
SUBNET = f"{VNET}/subnets/web"
SECRET = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-web/secrets/tls"

RULE: Properties = {
    "name": "https",
    "priority": 100,
    "direction": "Inbound",
    "access": "Allow",
    "protocol": "Tcp",
    "sourceAddressPrefix": "Internet",
    "sourcePortRange": "*",
    "destinationAddressPrefix": "10.0.1.0/24",
    "destinationPortRange": "443",
}


def _part(name: str, **properties: Any) -> Properties:
    return {"name": name, **properties}


def _self(array: str, name: str) -> Properties:
    return {"id": f"$self/{array}/{name}"}


SAMPLES: dict[str, Properties] = {
    "resources:ResourceGroup": {"resourceGroupName": "rg"},
    "network:VirtualNetwork": {"virtualNetworkName": "vnet", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
    "network:Subnet": {"virtualNetworkName": "vnet", "subnetName": "web", "addressPrefix": "10.0.1.0/24"},
    "network:NetworkSecurityGroup": {"networkSecurityGroupName": "nsg", "securityRules": [RULE]},
    "network:NetworkInterface": {
        "networkInterfaceName": "nic",
        "ipConfigurations": [
            {
                "name": "primary",
                "subnet": {"id": SUBNET},
                "privateIPAllocationMethod": "Static",
                "privateIPAddress": "10.0.1.4",
            }
        ],
    },
    "network:PublicIPAddress": {
        "publicIpAddressName": "pip",
        "sku": {"name": "Standard"},
        "publicIPAllocationMethod": "Static",
        "zones": ["1", "2", "3"],
    },
    "network:NatGateway": {
        "natGatewayName": "nat",
        "sku": {"name": "Standard"},
        "publicIpAddresses": [{"id": f"{NETWORK}/publicIPAddresses/pip"}],
    },
    "network:LoadBalancer": {
        "loadBalancerName": "lb",
        "sku": {"name": "Standard"},
        "frontendIPConfigurations": [_part("front", publicIPAddress={"id": f"{NETWORK}/publicIPAddresses/pip"})],
        "inboundNatRules": [
            _part(
                "ssh",
                frontendIPConfiguration=_self("frontendIPConfigurations", "front"),
                protocol="Tcp",
                frontendPort=22,
                backendPort=22,
            )
        ],
    },
    "network:WebApplicationFirewallPolicy": {
        "policyName": "waf",
        "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]},
    },
    "network:ApplicationGateway": {
        "applicationGatewayName": "agw",
        "sku": {"name": "WAF_v2", "tier": "WAF_v2", "capacity": 2},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/subscriptions/s/id-gateway"]},
        "firewallPolicy": {"id": f"{NETWORK}/ApplicationGatewayWebApplicationFirewallPolicies/waf"},
        "gatewayIPConfigurations": [_part("subnet", subnet={"id": f"{VNET}/subnets/gateway"})],
        "frontendIPConfigurations": [_part("public", publicIPAddress={"id": f"{NETWORK}/publicIPAddresses/pip"})],
        "frontendPorts": [_part("https", port=443)],
        "sslCertificates": [_part("sites", keyVaultSecretId="https://kv-web.vault.azure.net/secrets/sites")],
        "backendAddressPools": [_part("web", backendAddresses=[{"ipAddress": "10.0.1.4"}])],
        "probes": [
            _part(
                "health",
                protocol="Http",
                host="sites.test",
                path="/health",
                interval=5,
                timeout=3,
                unhealthyThreshold=2,
            )
        ],
        "backendHttpSettingsCollection": [
            _part("web", port=80, protocol="Http", probe=_self("probes", "health"), requestTimeout=30)
        ],
        "httpListeners": [
            _part(
                "kita",
                frontendIPConfiguration=_self("frontendIPConfigurations", "public"),
                frontendPort=_self("frontendPorts", "https"),
                protocol="Https",
                sslCertificate=_self("sslCertificates", "sites"),
                hostName="kita.test",
            )
        ],
        "requestRoutingRules": [
            _part(
                "kita",
                priority=100,
                ruleType="Basic",
                httpListener=_self("httpListeners", "kita"),
                backendAddressPool=_self("backendAddressPools", "web"),
                backendHttpSettings=_self("backendHttpSettingsCollection", "web"),
            )
        ],
    },
    "compute:Disk": {
        "diskName": "disk",
        "creationData": {"createOption": "Empty"},
        "diskSizeGB": 4,
        "zones": ["1"],
        "sku": {"name": "Premium_LRS"},
    },
    "compute:VirtualMachine": {
        "vmName": "vm",
        "zones": ["1"],
        "hardwareProfile": {"vmSize": "Standard_D4as_v5"},
        "osProfile": {
            "computerName": "db01",
            "adminUsername": "ops",
            "customData": base64.b64encode(b"#cloud-config\n").decode(),
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {
                    "publicKeys": [
                        {"path": "/home/ops/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ops"}
                    ]
                },
            },
        },
        "networkProfile": {"networkInterfaces": [{"id": f"{NETWORK}/networkInterfaces/nic"}]},
        "storageProfile": {
            "imageReference": {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "0.2"},
            "osDisk": {"createOption": "FromImage"},
            "dataDisks": [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": f"{COMPUTE}/disks/disk"}}],
        },
    },
    "dns:Zone": {"zoneName": "sites.test", "location": "Global"},
    "dns:RecordSet": {
        "zoneName": "sites.test",
        "relativeRecordSetName": "kita",
        "recordType": "A",
        "ttl": 60,
        "aRecords": [{"ipv4Address": "198.51.100.10"}],
    },
    "privatedns:PrivateZone": {"privateZoneName": "inside.internal", "location": "Global"},
    "privatedns:PrivateRecordSet": {
        "privateZoneName": "inside.internal",
        "relativeRecordSetName": "db01",
        "recordType": "A",
        "ttl": 60,
        "aRecords": [{"ipv4Address": "10.0.1.4"}],
    },
    "privatedns:VirtualNetworkLink": {
        "privateZoneName": "inside.internal",
        "virtualNetworkLinkName": "link",
        "location": "Global",
        "registrationEnabled": False,
        "virtualNetwork": {"id": VNET},
    },
    "keyvault:Vault": {
        "vaultName": "kv-web",
        "properties": {"sku": {"family": "A", "name": "standard"}, "tenantId": settings.TENANT},
    },
    "keyvault:Secret": {"vaultName": "kv-web", "secretName": "tls", "properties": {"value": "canary"}},
    "managedidentity:UserAssignedIdentity": {"resourceName": "id-web"},
    "authorization:RoleAssignment": {
        "roleAssignmentName": "aaaaaaaa-17de-408a-b874-0445c86b69e6",
        "scope": SECRET,
        "principalId": "bbbbbbbb-17de-408a-b874-0445c86b69e6",
        "principalType": "ServicePrincipal",
        "roleDefinitionId": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/"
        "4633458b-17de-408a-b874-0445c86b69e6",
    },
}


def sample(name: str, **changes: Any) -> Properties:
    """Good inputs of a type, e.g. ``network:Subnet``, with top-level properties changed; None takes one away."""
    inputs: Properties = {"resourceGroupName": "rg", "location": "germanywestcentral", **deepcopy(SAMPLES[name])}
    known = {"authorization:RoleAssignment": (), "keyvault:Secret": ("resourceGroupName",)}
    no_location = ("network:Subnet", "dns:RecordSet", "privatedns:PrivateRecordSet", "keyvault:Secret")
    if name in no_location:
        del inputs["location"]
    if name in known and not known[name]:
        del inputs["resourceGroupName"], inputs["location"]
    return {key: value for key, value in {**inputs, **changes}.items() if value is not None}


def changed(inputs: Properties, path: str, value: Any) -> Properties:
    """A copy with the property at a path such as ``securityRules[0].priority`` set; None takes it away."""
    copy = deepcopy(inputs)
    *way, last = path.replace("[", ".[").split(".")
    place: Any = copy
    for part in way:
        place = place[int(part[1:-1])] if part.startswith("[") else place[part]
    key: Any = int(last[1:-1]) if last.startswith("[") else last
    if value is None:
        del place[key]
    else:
        place[key] = value
    return copy


def failures(name: str, inputs: Properties, checked: KnownResources | None = None) -> list[str]:
    """All that the stand-in says against inputs of a type."""
    kind = TYPES[f"azure-native:{name}"]
    checked = checked or KnownResources(SUBSCRIPTION)
    identifier = kind.resource_id(inputs, SUBSCRIPTION)
    found = check_shape(kind.token, inputs) or list(kind.validate(identifier, inputs, checked))
    return [str(failure) for failure in found]


def note(checked: KnownResources, name: str, inputs: Properties) -> str:
    """Make another resource known to the checks; returns its id."""
    kind = TYPES[f"azure-native:{name}"]
    identifier = kind.resource_id(inputs, SUBSCRIPTION)
    assert identifier is not None
    checked.note(kind.token, identifier, inputs)
    return identifier
