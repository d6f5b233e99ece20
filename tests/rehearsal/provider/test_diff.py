"""Which changes replace, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.provider.diff import Diff, compare
from rehearsal.provider.types import TYPES
from rehearsal.provider.values import UNKNOWN, Properties
from tests.rehearsal.provider.samples import GROUP, RULE, changed, sample


def diff(name: str, old: Properties, new: Properties) -> Diff:
    kind = TYPES[f"azure-native:{name}"]
    return compare(old, new, kind.replacing | set(kind.path_parameters))


ONE_CHANGE: list[tuple[str, str, Any, str]] = [
    # type, path, new value, what it is: operation of the path, with ! where it replaces
    ("resources:ResourceGroup", "location", "westeurope", "update!"),
    ("network:VirtualNetwork", "location", "westeurope", "update!"),
    ("network:VirtualNetwork", "virtualNetworkName", "other", "update!"),
    ("network:VirtualNetwork", "tags", {"a": "b"}, "add"),
    ("network:VirtualNetwork", "addressSpace.addressPrefixes[0]", "10.0.0.0/15", "update"),
    ("network:Subnet", "addressPrefix", "10.0.2.0/24", "update"),
    ("network:Subnet", "virtualNetworkName", "other", "update!"),
    ("network:PublicIPAddress", "sku.name", "Basic", "update!"),
    ("network:PublicIPAddress", "sku.tier", "Regional", "add"),
    ("network:PublicIPAddress", "zones[2]", None, "delete"),
    ("network:PublicIPAddress", "publicIPAddressVersion", "IPv4", "add!"),
    ("network:NetworkInterface", "location", "westeurope", "update"),
    ("compute:VirtualMachine", "hardwareProfile.vmSize", "Standard_D8as_v5", "update"),
    ("compute:VirtualMachine", "vmName", "other", "update!"),
    ("compute:VirtualMachine", "osProfile.customData", "", "update"),
    ("compute:VirtualMachine", "osProfile", None, "delete"),
    ("dns:Zone", "location", "germanywestcentral", "update!"),
    ("dns:RecordSet", "ttl", 300, "update"),
    ("dns:RecordSet", "recordType", "AAAA", "update!"),
    ("authorization:RoleAssignment", "principalId", "cccccccc-17de-408a-b874-0445c86b69e6", "update!"),
    ("authorization:RoleAssignment", "roleDefinitionId", "/other", "update"),
    ("managedidentity:UserAssignedIdentity", "location", "westeurope", "update!"),
    ("keyvault:Secret", "properties.value", "other", "update"),
]


@pytest.mark.parametrize(("name", "path", "value", "reported"), ONE_CHANGE)
def test_one_change_is_reported_as_one(name: str, path: str, value: Any, reported: str) -> None:
    found = diff(name, sample(name), changed(sample(name), path, value))
    (change,) = found.changes
    assert change.path == path
    assert change.operation + ("!" if change.replaces else "") == reported
    assert found.delete_before_replace == change.replaces


@pytest.mark.parametrize(("path", "value"), [("location", "Germany West Central"), ("resourceGroupName", "RG")])
def test_letter_case_is_ignored_where_azure_ignores_it(path: str, value: str) -> None:
    name = "network:VirtualNetwork"
    assert diff(name, sample(name), sample(name, **{path: value})).changes == []


def test_of_an_id_only_the_part_up_to_the_namespace_is_compared_without_case() -> None:
    path, old = "networkSecurityGroup", {"id": f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg"}
    before = sample("network:Subnet", **{path: old})
    lower = (
        old["id"].replace("resourceGroups/rg", "resourcegroups/RG").replace("Microsoft.Network", "microsoft.network")
    )
    assert diff("network:Subnet", before, sample("network:Subnet", **{path: {"id": lower}})).changes == []
    other = old["id"].replace("/nsg", "/NSG")
    (change,) = diff("network:Subnet", before, sample("network:Subnet", **{path: {"id": other}})).changes
    assert change.path == "networkSecurityGroup.id"


def rules(*names: str) -> Properties:
    listed = [{**RULE, "name": name, "priority": 100 + ord(name)} for name in names]
    return sample("network:NetworkSecurityGroup", securityRules=listed)


def test_a_rule_taken_from_the_middle_is_one_removed_rule() -> None:
    (change,) = diff("network:NetworkSecurityGroup", rules("a", "b", "c"), rules("a", "c")).changes
    assert (change.path, change.operation) == ("securityRules[1]", "delete")


def test_a_rule_put_in_the_middle_is_one_added_rule() -> None:
    (change,) = diff("network:NetworkSecurityGroup", rules("a", "c"), rules("a", "b", "c")).changes
    assert (change.path, change.operation) == ("securityRules[1]", "add")


def test_another_order_is_no_change() -> None:
    assert diff("network:NetworkSecurityGroup", rules("a", "b"), rules("b", "a")).changes == []


def test_arrays_without_names_are_compared_by_position() -> None:
    old, new = sample("network:PublicIPAddress"), sample("network:PublicIPAddress", zones=["2", "3"])
    found = {(c.path, c.operation) for c in diff("network:PublicIPAddress", old, new).changes}
    assert found == {("zones[0]", "update"), ("zones[1]", "update"), ("zones[2]", "delete")}


def test_what_is_not_known_yet_may_change() -> None:
    new = changed(sample("network:NetworkInterface"), "ipConfigurations[0].subnet.id", UNKNOWN)
    (change,) = diff("network:NetworkInterface", sample("network:NetworkInterface"), new).changes
    assert change.path == "ipConfigurations[0].subnet.id"


def test_a_name_that_the_provider_made_is_replaced_by_creating_first() -> None:
    made: Properties = {"__createBeforeDelete": True}
    found = diff("resources:ResourceGroup", {"location": "a", **made}, {"location": "b", **made})
    assert found.replaces == ["location"]
    assert not found.delete_before_replace
