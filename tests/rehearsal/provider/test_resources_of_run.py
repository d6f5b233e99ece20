"""What is checked across resources of one run."""

from __future__ import annotations

import pytest

from rehearsal.provider.resources_of_run import KnownResources
from tests.rehearsal.provider.samples import SUBNET, changed, failures, note, sample
from toolchain.pulumi_home import SUBSCRIPTION


@pytest.fixture
def checked() -> KnownResources:
    """A virtual network 10.0.0.0/16 with the subnet web 10.0.1.0/24 and a disk in zone 1."""
    known = KnownResources(SUBSCRIPTION)
    for name in ("network:VirtualNetwork", "network:Subnet", "compute:Disk"):
        note(known, name, sample(name))
    return known


def test_a_subnet_lies_within_its_network(checked: KnownResources) -> None:
    inputs = sample("network:Subnet", subnetName="other", addressPrefix="10.1.0.0/24")
    assert failures("network:Subnet", inputs, checked) == [
        "addressPrefix: 10.1.0.0/24 is not within the virtual network's 10.0.0.0/16 (NetcfgInvalidSubnet)"
    ]


def test_subnets_do_not_overlap(checked: KnownResources) -> None:
    inputs = sample("network:Subnet", subnetName="other", addressPrefix="10.0.1.128/25")
    assert failures("network:Subnet", inputs, checked) == [
        "addressPrefix: 10.0.1.128/25 overlaps 10.0.1.0/24 of subnet web (NetcfgSubnetRangesOverlap)"
    ]


def test_a_subnet_does_not_overlap_itself(checked: KnownResources) -> None:
    assert failures("network:Subnet", sample("network:Subnet"), checked) == []


@pytest.mark.parametrize("address", ["10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.255"])
def test_five_addresses_of_a_subnet_are_reserved(checked: KnownResources, address: str) -> None:
    inputs = changed(sample("network:NetworkInterface"), "ipConfigurations[0].privateIPAddress", address)
    (failure,) = failures("network:NetworkInterface", inputs, checked)
    assert "PrivateIPAddressInReservedRange" in failure
    assert "the first free one is 10.0.1.4" in failure


@pytest.mark.parametrize("address", ["10.0.1.4", "10.0.1.254"])
def test_the_others_are_free(checked: KnownResources, address: str) -> None:
    inputs = changed(sample("network:NetworkInterface"), "ipConfigurations[0].privateIPAddress", address)
    assert failures("network:NetworkInterface", inputs, checked) == []


def test_an_address_lies_in_its_subnet(checked: KnownResources) -> None:
    inputs = changed(sample("network:NetworkInterface"), "ipConfigurations[0].privateIPAddress", "10.0.2.4")
    (failure,) = failures("network:NetworkInterface", inputs, checked)
    assert "PrivateIPAddressNotInSubnet" in failure


def test_an_address_is_given_once(checked: KnownResources) -> None:
    note(checked, "network:NetworkInterface", sample("network:NetworkInterface", networkInterfaceName="other"))
    (failure,) = failures("network:NetworkInterface", sample("network:NetworkInterface"), checked)
    assert failure.endswith("10.0.1.4 is also other's (PrivateIPAddressInUse)")


def test_a_gateways_subnet_holds_gateways_only_and_is_large_enough(checked: KnownResources) -> None:
    note(checked, "network:NetworkInterface", sample("network:NetworkInterface"))
    inputs = changed(sample("network:ApplicationGateway"), "gatewayIPConfigurations[0].subnet.id", SUBNET)
    (failure,) = failures("network:ApplicationGateway", inputs, checked)
    assert "holds the network interface nic" in failure
    small = sample("network:Subnet", subnetName="gateway", addressPrefix="10.0.9.0/27")
    note(checked, "network:Subnet", small)
    (failure,) = failures("network:ApplicationGateway", sample("network:ApplicationGateway"), checked)
    assert "needs a /26" in failure


def test_a_disk_is_attached_in_its_own_zone(checked: KnownResources) -> None:
    assert failures("compute:VirtualMachine", sample("compute:VirtualMachine"), checked) == []
    (failure,) = failures("compute:VirtualMachine", sample("compute:VirtualMachine", zones=["2"]), checked)
    assert "the disk's zone is ['1'], the machine's ['2']" in failure


def test_a_role_is_assigned_once(checked: KnownResources) -> None:
    name = "authorization:RoleAssignment"
    note(checked, name, sample(name, roleAssignmentName="cccccccc-17de-408a-b874-0445c86b69e6"))
    (failure,) = failures(name, sample(name), checked)
    assert "RoleAssignmentExists" in failure
