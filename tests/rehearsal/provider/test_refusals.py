"""What ARM refuses of inputs that have the right shape."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rehearsal.provider.values import UNKNOWN
from tests.rehearsal.provider.samples import RULE, VNET, changed, failures, sample

REFUSED: dict[str, list[tuple[Any, ...]]] = {
    # by type: path, value, a part of the reason, and where another path than that one is named, this
    "network:VirtualNetwork": [
        ("addressSpace.addressPrefixes[0]", "10.0.0.1/16", "host bits"),
        ("subnets", [{"name": "a"}], "declare each as a resource of its own"),
        ("virtualNetworkName", "v", "InvalidResourceName"),
    ],
    "network:Subnet": [
        ("addressPrefix", "10.0.1.0/33", "InvalidAddressPrefixFormat"),
        ("addressPrefix", "10.0.1.0/30", "the smallest subnet is a /29"),
        ("addressPrefix", None, "NoAddressPrefixOrPoolProvided"),
    ],
    "network:NetworkSecurityGroup": [
        ("securityRules[0].priority", 99, "not between 100 and 4096"),
        ("securityRules[0].priority", 4097, "not between 100 and 4096"),
        ("securityRules[0].sourceAddressPrefix", "10.0.0.1/24", "SecurityRuleInvalidAddressPrefix"),
        ("securityRules[0].destinationPortRange", "443-80", "SecurityRuleInvalidPortRange"),
        ("securityRules[0].destinationPortRange", "70000", "SecurityRuleInvalidPortRange"),
        ("securityRules[0].destinationPortRange", None, "SecurityRuleParameterMissing"),
        (
            "securityRules[0].sourceAddressPrefixes",
            ["10.0.0.0/8"],
            "SecurityRuleParameterConflict",
            "securityRules[0].sourceAddressPrefix",
        ),
        ("securityRules[0].description", "d" * 141, "at most 140"),
    ],
    "network:NetworkInterface": [
        ("ipConfigurations[0].privateIPAddress", None, "names its address"),
        ("ipConfigurations[0].privateIPAddress", "10.0.1.999", "no IPv4 address"),
        ("ipConfigurations[0].subnet", None, "missing"),
        ("ipConfigurations", [], "at least one"),
    ],
    "network:PublicIPAddress": [
        ("sku", None, "retired on 2025-09-30", "sku.name"),
        ("publicIPAllocationMethod", None, "Static"),
        ("zones[2]", "4", "InvalidAvailabilityZone"),
    ],
    "network:NatGateway": [
        ("idleTimeoutInMinutes", 3, "not between 4 and 120"),
        ("zones", ["1", "2"], "1 at most"),
    ],
    "network:LoadBalancer": [
        ("inboundNatRules[0].frontendIPConfiguration.id", "$self/frontendIPConfigurations/back", "there are front"),
        ("inboundNatRules[0].frontendPort", 0, "not between 1"),
        ("frontendIPConfigurations[0].publicIPAddress", None, "neither", "frontendIPConfigurations[0]"),
    ],
    "network:WebApplicationFirewallPolicy": [
        ("managedRules.managedRuleSets[0].ruleSetVersion", "3.1", "not supported any more"),
        ("managedRules.managedRuleSets", [], "at least one"),
    ],
    "network:ApplicationGateway": [
        ("sku.name", "Standard_Small", "version 1"),
        ("sku.capacity", None, "autoscaleConfiguration"),
        ("httpListeners[0].hostNames", ["a.test"], "one of them"),
        ("httpListeners[0].sslCertificate", None, "has a certificate"),
        ("httpListeners[0].frontendPort.id", "$self/frontendPorts/http", "there are https"),
        ("requestRoutingRules[0].priority", None, "missing"),
        ("requestRoutingRules[0].priority", 20001, "20000"),
        ("probes[0].timeout", 6, "more than the interval"),
        ("probes[0].path", "health", "begin with /"),
        ("probes[0].host", None, "pickHostName"),
        ("identity", None, "ApplicationGatewayKeyVaultSecretException", "identity.userAssignedIdentities"),
        ("sslCertificates[0].keyVaultSecretId", "http://kv/x", "no secret's URI"),
        ("backendSettingsCollection", [{"name": "a"}], "does not make"),
    ],
    "compute:Disk": [
        ("diskSizeGB", None, "InvalidParameter"),
        ("zones", ["1", "2"], "1 at most"),
        ("creationData.createOption", "Copy", "empty disks only"),
    ],
    "compute:VirtualMachine": [
        ("osProfile.adminUsername", "root", "InvalidParameter"),
        ("osProfile.computerName", "db_01", "no host name"),
        ("osProfile.customData", "#cloud-config", "not base64"),
        ("osProfile.customData", base64.b64encode(b"x" * 65536).decode(), "65536 bytes decoded; Azure takes 65535"),
        ("osProfile.linuxConfiguration.ssh", None, "at least one key", "osProfile.linuxConfiguration.ssh.publicKeys"),
        (
            "osProfile.linuxConfiguration.ssh.publicKeys[0].path",
            "/root/.ssh/authorized_keys",
            "/home/ops/.ssh/authorized_keys",
        ),
        ("osProfile.linuxConfiguration.ssh.publicKeys[0].keyData", "ecdsa AAAA", "no SSH public key"),
        ("osProfile.adminPassword", "secret", "cannot be combined with"),
        ("hardwareProfile.vmSize", "large", "no machine size"),
        ("storageProfile.imageReference.version", None, "missing"),
        ("networkProfile", None, "at least one", "networkProfile.networkInterfaces"),
        ("storageProfile.dataDisks[0].lun", 64, "not between 0 and 63"),
        ("storageProfile.dataDisks[0].createOption", "Empty", "Attach"),
    ],
    "dns:Zone": [
        ("zoneName", "sites.test.", "InvalidZoneName"),
    ],
    "dns:RecordSet": [
        ("ttl", None, "missing"),
        ("ttl", 0, "not between 1"),
        ("aRecords[0].ipv4Address", "example.org", "no IPv4 address"),
        ("aRecords", None, "missing"),
        ("recordType", "SPF", "none of A"),
        ("cnameRecord", {"cname": "a.test"}, "does not belong"),
        ("relativeRecordSetName", "kita.", "InvalidRecordSetName"),
    ],
    "privatedns:VirtualNetworkLink": [
        ("registrationEnabled", None, "missing"),
    ],
    "keyvault:Vault": [
        ("vaultName", "kv--web", "VaultNameNotValid"),
        ("vaultName", "k" * 25, "VaultNameNotValid"),
        ("properties.enablePurgeProtection", False, "leave it out"),
        ("properties.softDeleteRetentionInDays", 6, "not between 7 and 90"),
    ],
    "keyvault:Secret": [
        ("secretName", "postgresql/kita", "InvalidResourceName"),
        ("properties.value", "v" * 26000, "25 KiB"),
    ],
    "authorization:RoleAssignment": [
        ("roleAssignmentName", "mine", "not a GUID"),
        ("roleDefinitionId", "Key Vault Secrets User", "InvalidRoleDefinitionId"),
    ],
}


@pytest.mark.parametrize(("name", "row"), [(name, row) for name, rows in REFUSED.items() for row in rows])
def test_arm_refuses(name: str, row: tuple[Any, ...]) -> None:
    path, value, reason, *named = row
    found = failures(name, changed(sample(name), path, value))
    beginning = f"{named[0] if named else path}: "
    assert [failure for failure in found if failure.startswith(beginning) and reason in failure], found


def test_a_misspelt_service_tag_is_refused_with_the_nearest() -> None:
    inputs = changed(sample("network:NetworkSecurityGroup"), "securityRules[0].sourceAddressPrefix", "Interent")
    (failure,) = failures("network:NetworkSecurityGroup", inputs)
    assert failure.endswith("(SecurityRuleInvalidAddressPrefix); the nearest tag is 'Internet'")


def test_two_rules_of_one_direction_have_different_priorities() -> None:
    rules = [RULE, {**RULE, "name": "again"}, {**RULE, "name": "out", "direction": "Outbound"}]
    assert failures("network:NetworkSecurityGroup", sample("network:NetworkSecurityGroup", securityRules=rules)) == [
        "securityRules[1].priority: 100 is also that of https in direction Inbound (SecurityRuleConflict)"
    ]


def test_two_listeners_of_one_host_name_are_refused() -> None:
    inputs = sample("network:ApplicationGateway")
    inputs["httpListeners"].append({**inputs["httpListeners"][0], "name": "again"})
    assert failures("network:ApplicationGateway", inputs) == [
        "httpListeners[1]: has the frontend, port and host name of kita (kita.test)"
    ]


def test_a_full_id_of_another_resource_is_no_part_of_this_one() -> None:
    path = "httpListeners[0].frontendPort.id"
    inputs = changed(sample("network:ApplicationGateway"), path, f"{VNET}/frontendPorts/https")
    (failure,) = failures("network:ApplicationGateway", inputs)
    assert "is no frontendPorts of this resource" in failure


@pytest.mark.parametrize(
    "path", ["httpListeners[0].frontendPort.id", "httpListeners[0].hostName", "requestRoutingRules[0].priority", "sku"]
)
def test_what_is_not_known_yet_is_let_pass(path: str) -> None:
    assert failures("network:ApplicationGateway", changed(sample("network:ApplicationGateway"), path, UNKNOWN)) == []
