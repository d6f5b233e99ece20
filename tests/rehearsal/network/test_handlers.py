"""The handlers: drift is found and repaired, resources are deleted in any order, a new supervisor restores them."""

from __future__ import annotations

from rehearsal import network
from rehearsal.base.records import Record
from rehearsal.network import emulation, handlers, links, places
from tests.rehearsal.network.privately import privately
from tests.rehearsal.network.stage import DENY_ALL, HANG_SECONDS, NETWORK, VNET, Stage, allow
from tests.rehearsal.network.test_flows import APPLICATION, DATABASE, two_tiers

GROUP = f"{NETWORK}/networkSecurityGroups/nsg-database"
SUBNET = f"{VNET}/subnets/snet-database"
NIC = f"{NETWORK}/networkInterfaces/nic-db01"


@privately
def test_a_rule_deleted_by_hand_is_found_by_name_and_repaired() -> None:
    stage = two_tiers()
    assert stage.get(GROUP) == {}
    stage.delete_rule("nsg-database/database-from-application")
    observed = stage.get(GROUP)
    assert observed is not None
    assert [rule["name"] for rule in observed["securityRules"]] == ["deny-all-in", "deny-all-out"]
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.times_out("nic-app01", DATABASE, 5432)
        stage.again(GROUP)
        assert stage.get(GROUP) == {}
        assert stage.reaches("nic-app01", DATABASE, 5432)


@privately
def test_a_rule_added_by_hand_is_found() -> None:
    stage = two_tiers()
    stage.nft("insert", "rule", "inet", "azure", "subnet-inbound.nsg-database", "tcp", "dport", "22", "accept")
    observed = stage.get(GROUP)
    assert observed is not None
    assert observed["securityRules"][-1]["name"] == "made-by-hand-1"
    assert "22" in observed["securityRules"][-1]["description"]
    stage.again(GROUP)
    assert stage.get(GROUP) == {}


@privately
def test_a_ruleset_flushed_by_hand_closes_everything_and_is_found() -> None:
    stage = two_tiers()
    stage.nft("flush", "table", "inet", "azure")
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.times_out("nic-app01", DATABASE, 5432)
    assert stage.get(GROUP) == {"securityRules": []}
    assert stage.get(SUBNET) == {"networkSecurityGroup": None}


@privately
def test_counted_packets_are_no_drift() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)
    assert "packets 1" in stage.nft("list", "chain", "inet", "azure", "subnet-inbound.nsg-database")
    assert stage.get(GROUP) == {}


@privately
def test_an_address_deleted_by_hand_is_found_and_repaired() -> None:
    stage = two_tiers()
    stage.world.namespaces.run("nic-db01", ["ip", "addr", "flush", "dev", "eth0"])
    observed = stage.get(NIC)
    assert observed is not None
    assert observed["ipConfigurations"][0]["privateIPAddress"] is None
    stage.again(NIC)
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)


@privately
def test_a_bridge_deleted_by_hand_is_gone_and_comes_back_with_everything_attached() -> None:
    stage = two_tiers()
    stage.world.namespaces.run("router", ["ip", "link", "delete", places.bridge_of(SUBNET)])
    assert stage.get(SUBNET) is None
    stage.again(SUBNET)
    assert stage.get(SUBNET) == {}
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)


@privately
def test_a_namespace_deleted_by_hand_is_gone_and_comes_back() -> None:
    stage = two_tiers()
    stage.world.namespaces.delete("nic-db01")
    assert stage.get(NIC) is None
    stage.again(NIC)
    observed = stage.get(NIC)
    assert observed is not None
    assert observed["ipConfigurations"][0]["privateIPAddress"] == DATABASE


@privately
def test_putting_everything_again_changes_nothing_and_cuts_no_connection() -> None:
    stage = two_tiers()
    before = stage.nft("-s", "list", "ruleset")
    with stage.serve("nic-db01", DATABASE, 5432) as server:
        running = stage.world.namespaces.connect("nic-app01", (DATABASE, 5432), HANG_SECONDS)
        peer, _ = server.accept()
        for record in stage.world.records.all():
            stage.again(record.id)
        assert stage.nft("-s", "list", "ruleset") == before
        peer.settimeout(HANG_SECONDS)
        running.sendall(b"on")
        assert peer.recv(10) == b"on"


@privately
def test_deletion_works_in_any_order_and_twice() -> None:
    for backwards in (False, True):
        stage = two_tiers()
        stage.public_address("nat")
        records = stage.world.records.all()
        for record in reversed(records) if backwards else records:
            stage.delete(record.id)
            stage.handlers[record.type].delete(record.id, record.properties, lambda line: None)
        assert [name for name in stage.world.namespaces.names() if name.startswith("nic-")] == []
        there = links.observe(stage.world.namespaces, "router")
        assert sorted(there) == ["internet0", "lo"]
        addresses = links.observe(stage.world.namespaces, "border")["internet0"].addresses
        assert sorted(str(address) for address in addresses) == ["192.0.2.6/30", "198.51.100.254/32"]


@privately
def test_a_new_supervisor_restores_from_records_in_any_order() -> None:
    stage = two_tiers()
    _, address = stage.public_address("nat")
    for name in stage.world.namespaces.names():
        stage.world.namespaces.delete(name)
    emulation._networks.clear()
    network.start(stage.world)
    found = handlers.by_token(stage.world)
    for record in reversed(stage.world.records.all()):
        found[record.type].restore(record.id, record.properties, lambda line: None)
    assert network.public_address_of(stage.world, f"{NETWORK}/publicIPAddresses/pip-nat") == address
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)
        assert stage.times_out("nic-db02", DATABASE, 5432)


@privately
def test_an_id_has_the_same_public_address_until_it_is_released() -> None:
    stage = Stage()
    identifier, first = stage.public_address("nat")
    assert stage.public_address("nat")[1] == first
    assert stage.get(identifier) == {"ipAddress": first}
    assert stage.public_address("other")[1] != first
    stage.delete(identifier)
    assert stage.public_address("nat")[1] != first
    assert Stage().public_address("nat")[1] == first


@privately
def test_dynamic_allocation_gives_the_first_free_address_and_keeps_it() -> None:
    stage = two_tiers()
    nic = stage.nic("new", SUBNET, None)
    assert network.address_of(stage.world, nic) == "10.77.1.6"
    assert stage.nic("new", SUBNET, None) == nic
    assert network.address_of(stage.world, nic) == "10.77.1.6"
    assert network.first_free_address(stage.world, SUBNET) == "10.77.1.7"


@privately
def test_lookups_by_interface_and_address() -> None:
    stage = two_tiers()
    machine = f"{NETWORK}/../Microsoft.Compute/virtualMachines/vm-app01"
    nics = [{"id": f"{NETWORK}/networkInterfaces/nic-app01".upper()}]
    profile = {"networkProfile": {"networkInterfaces": nics}}
    stage.world.records.put(Record("compute:VirtualMachine", machine, profile))
    assert network.host_at(stage.world, APPLICATION) == machine
    assert network.host_at(stage.world, "10.77.9.9") is None
    assert network.namespace_of(stage.world, NIC) == "nic-db01"


@privately
def test_virtual_network_means_the_declared_address_space() -> None:
    stage = two_tiers()
    from_network = {"sourceAddressPrefix": "VirtualNetwork", "destinationAddressPrefix": "VirtualNetwork"}
    stage.group("database", allow("inside", 100, **from_network), *DENY_ALL)
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)
        stage.again(VNET, addressSpace={"addressPrefixes": ["10.77.1.0/24"]})
        assert stage.times_out("nic-app01", DATABASE, 5432)
