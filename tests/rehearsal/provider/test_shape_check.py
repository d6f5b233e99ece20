"""Wrong shapes are reported with their full path, all at once."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.values import UNKNOWN
from tests.rehearsal.provider.samples import changed, failures, sample

WRONG_SHAPES: list[tuple[str, str, Any, str]] = [
    (
        "compute:VirtualMachine",
        "osProfile.linuxConfiguraton",
        {},
        "osProfile.linuxConfiguraton: unknown property; the nearest known is 'linuxConfiguration'",
    ),
    (
        "compute:VirtualMachine",
        "osProfile.linuxConfiguration.ssh.publicKeys[0].keydata",
        "ssh-rsa",
        "osProfile.linuxConfiguration.ssh.publicKeys[0].keydata: unknown property; the nearest known is 'keyData'",
    ),
    (
        "network:Subnet",
        "address_prefix",
        "10.0.1.0/24",
        "address_prefix: unknown property; the nearest known is 'addressPrefix'",
    ),
    ("network:Subnet", "colour", "red", "colour: unknown property"),
    (
        "network:NetworkSecurityGroup",
        "securityRules[0].protocol",
        "TCP",
        "securityRules[0].protocol: 'TCP' is not one of Tcp, Udp, Icmp, Esp, *, Ah; the nearest known is 'Tcp'",
    ),
    (
        "network:NetworkSecurityGroup",
        "securityRules[0].access",
        None,
        "securityRules[0].access: missing required property",
    ),
    (
        "network:NetworkSecurityGroup",
        "securityRules[0].priority",
        "100",
        "securityRules[0].priority: should be of type integer but is of type string",
    ),
    (
        "network:NetworkSecurityGroup",
        "securityRules[0].priority",
        100.5,
        "securityRules[0].priority: should be of type integer but is of type number",
    ),
    (
        "network:NetworkSecurityGroup",
        "securityRules",
        {},
        "securityRules: should be of type array but is of type object",
    ),
    ("compute:Disk", "zones[0]", 1, "zones[0]: should be of type string but is of type integer"),
    ("compute:Disk", "tags", {"a": 1}, 'tags["a"]: should be of type string but is of type integer'),
    ("compute:Disk", "creationData.createOption", None, "creationData.createOption: missing required property"),
    (
        "network:VirtualNetwork",
        "enableDdosProtection",
        "no",
        "enableDdosProtection: should be of type boolean but is of type string",
    ),
    ("keyvault:Vault", "properties", None, "properties: missing required property"),
    ("keyvault:Vault", "properties.sku.name", "gold", "properties.sku.name: 'gold' is not one of standard, premium"),
]


@pytest.mark.parametrize(("name", "path", "value", "reported"), WRONG_SHAPES)
def test_a_wrong_shape_is_reported_with_its_path(name: str, path: str, value: Any, reported: str) -> None:
    assert failures(name, changed(sample(name), path, value)) == [reported]


def test_all_that_is_wrong_is_reported_at_once() -> None:
    inputs = changed(sample("compute:VirtualMachine", colour="red"), "osProfile.linuxConfiguraton", {})
    inputs = changed(inputs, "storageProfile.osDisk.createOption", None)
    assert [failure.split(":")[0] for failure in failures("compute:VirtualMachine", inputs)] == [
        "colour",
        "osProfile.linuxConfiguraton",
        "storageProfile.osDisk.createOption",
    ]


@pytest.mark.parametrize("path", ["osProfile", "osProfile.linuxConfiguration.ssh", "zones", "hardwareProfile.vmSize"])
def test_what_is_not_known_yet_is_let_pass(path: str) -> None:
    assert failures("compute:VirtualMachine", changed(sample("compute:VirtualMachine"), path, UNKNOWN)) == []


def test_sizes_that_the_api_does_not_list_are_taken() -> None:
    inputs = changed(sample("compute:VirtualMachine"), "hardwareProfile.vmSize", "Standard_E96ias_v5")
    assert failures("compute:VirtualMachine", inputs) == []
