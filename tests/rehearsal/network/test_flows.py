"""What passes and what does not, with real packets in real namespaces."""

from __future__ import annotations

import socket
import subprocess
from typing import Any

import pytest

from rehearsal import network
from rehearsal.base.handler import HandlerError
from tests.rehearsal.network.privately import privately
from tests.rehearsal.network.stage import DENY_ALL, HANG_SECONDS, NETWORK, SILENT_SECONDS, Stage, allow, deny

DATABASE, APPLICATION = "10.77.1.4", "10.77.2.4"


def two_tiers() -> Stage:
    """db01 and db02 behind a group that lets the application in on 5432, app01 behind one that lets it out."""
    stage = Stage()
    to_database: dict[str, Any] = {
        "sourceAddressPrefixes": ["10.77.2.0/24"],
        "destinationAddressPrefixes": ["10.77.1.0/24"],
        "destinationPortRanges": ["5432"],
    }
    database = stage.group("database", allow("database-from-application", 1000, **to_database), *DENY_ALL)
    application = stage.group("application", allow("database", 1000, "Outbound", **to_database), *DENY_ALL)
    snet_database = stage.subnet("database", 1, database)
    snet_application = stage.subnet("application", 2, application)
    stage.nic("db01", snet_database, DATABASE)
    stage.nic("db02", snet_database, "10.77.1.5")
    stage.nic("app01", snet_application, APPLICATION)
    return stage


@privately
def test_an_allowed_flow_answers_and_another_port_times_out() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432), stage.serve("nic-db01", DATABASE, 22):
        assert stage.reaches("nic-app01", DATABASE, 5432)
        assert stage.times_out("nic-app01", DATABASE, 22)


@privately
def test_the_source_address_is_kept() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432) as server:
        stage.world.namespaces.connect("nic-app01", (DATABASE, 5432), HANG_SECONDS).close()
        assert server.accept()[1][0] == APPLICATION


@privately
def test_a_flow_needs_both_groups() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432):
        stage.group("application", *DENY_ALL)
        assert stage.times_out("nic-app01", DATABASE, 5432)


@privately
def test_removing_a_flow_closes_it_for_new_connections_and_leaves_running_ones() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432) as server:
        running = stage.world.namespaces.connect("nic-app01", (DATABASE, 5432), HANG_SECONDS)
        peer, _ = server.accept()
        stage.group("database", *DENY_ALL)
        assert stage.times_out("nic-app01", DATABASE, 5432)
        running.sendall(b"still here")
        peer.settimeout(HANG_SECONDS)
        assert peer.recv(100) == b"still here"


@privately
def test_groups_apply_to_traffic_within_a_subnet_too() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.times_out("nic-db02", DATABASE, 5432)
        inside = {"sourceAddressPrefix": "10.77.1.0/24", "destinationAddressPrefix": "10.77.1.0/24"}
        stage.group("database", allow("in", 1000, **inside), allow("out", 1000, "Outbound", **inside), *DENY_ALL)
        assert stage.reaches("nic-db02", DATABASE, 5432)


@privately
def test_without_own_deny_rules_azures_defaults_leave_the_network_open_inside_and_closed_from_outside() -> None:
    stage = Stage()
    open_group = stage.group("open")
    stage.nic("a", stage.subnet("a", 1, open_group), "10.77.1.4")
    stage.nic("b", stage.subnet("b", 2, open_group), "10.77.2.4")
    public, address = stage.public_address("b")
    network.publish(stage.world, public, "10.77.2.4")
    with stage.serve("nic-b", "10.77.2.4", 80):
        assert stage.reaches("nic-a", "10.77.2.4", 80)
        assert stage.times_out("outside", address, 80)


@privately
def test_the_lower_priority_number_wins() -> None:
    stage = two_tiers()
    with stage.serve("nic-db01", DATABASE, 5432):
        stage.group("database", allow("later", 300), deny("earlier", 200))
        assert stage.times_out("nic-app01", DATABASE, 5432)
        stage.group("database", allow("earlier", 100), deny("later", 200))
        assert stage.reaches("nic-app01", DATABASE, 5432)


@privately
def test_a_group_on_the_interface_applies_after_the_subnets() -> None:
    stage = two_tiers()
    strict = stage.group("strict", deny("deny", 100))
    nic = f"{NETWORK}/networkInterfaces/nic-db01"
    with stage.serve("nic-db01", DATABASE, 5432):
        stage.again(nic, networkSecurityGroup={"id": strict})
        assert stage.times_out("nic-app01", DATABASE, 5432)
        stage.group("strict", allow("allow", 100))
        assert stage.reaches("nic-app01", DATABASE, 5432)


@privately
def test_inbound_nat_forwards_to_the_host_and_groups_apply_after_translation() -> None:
    stage = Stage()
    operator_only = {"sourceAddressPrefix": "203.0.113.10/32", "destinationAddressPrefix": "10.77.6.4"}
    group = stage.group("management", allow("way-in", 100, **operator_only, destinationPortRange="22"), *DENY_ALL)
    public, address = stage.public_address("way-in")
    balancer = f"{NETWORK}/loadBalancers/lb-way-in"
    frontend = f"{balancer}/frontendIPConfigurations/public"
    rule = {"name": "ssh", "protocol": "Tcp", "frontendPort": 2222, "backendPort": 22}
    stage.put(
        "LoadBalancer",
        balancer,
        {
            "frontendIPConfigurations": [{"name": "public", "publicIPAddress": {"id": public}}],
            "inboundNatRules": [{**rule, "frontendIPConfiguration": {"id": frontend}}],
        },
    )
    references = [{"id": f"{balancer}/inboundNatRules/SSH"}]
    stage.nic("mgmt01", stage.subnet("management", 6, group), "10.77.6.4", loadBalancerInboundNatRules=references)
    with stage.serve("nic-mgmt01", "10.77.6.4", 22) as server:
        assert stage.reaches("operator", address, 2222)
        assert server.accept()[1][0] == "203.0.113.10"
        assert stage.times_out("outside", address, 2222)
        assert stage.times_out("operator", address, 22)
        assert stage.get(balancer) == {}
        stage.delete_rule("lb-way-in/ssh", place="border", table="ip border")
        assert stage.get(balancer) == {"inboundNatRules": []}
        assert stage.times_out("operator", address, 2222)
        stage.again(balancer)
        assert stage.reaches("operator", address, 2222)


@privately
def test_a_nat_gateway_gives_outbound_access_and_without_one_there_is_none() -> None:
    stage = Stage()
    public, address = stage.public_address("nat")
    gateway = stage.nat_gateway(public)
    subnet = stage.subnet("web", 3, stage.group("web"), gateway)
    stage.nic("web01", subnet, "10.77.3.4")
    stage.nic("alone", stage.subnet("alone", 4, stage.group("alone")), "10.77.4.4")
    with stage.serve("packages", "203.0.113.80", 80) as server:
        assert stage.reaches("nic-web01", "203.0.113.80", 80)
        assert server.accept()[1][0] == address
        assert stage.times_out("nic-alone", "203.0.113.80", 80)
        assert stage.get(subnet) == {}
        stage.delete_rule("snet-web/nat", place="border", table="ip border")
        assert stage.get(subnet) == {"natGateway": None}
        stage.again(subnet, natGateway=None)
        assert stage.times_out("nic-web01", "203.0.113.80", 80)


@privately
def test_what_is_published_at_an_address_goes_out_by_it() -> None:
    stage = Stage()
    public, address = stage.public_address("gateway")
    network.attach(stage.world, "gateway", stage.subnet("gateway", 7), "10.77.7.4")
    with stage.serve("key-vault", "203.0.113.90", 443) as server:
        assert stage.times_out("gateway", "203.0.113.90", 443)
        network.publish(stage.world, public, "10.77.7.4", [443])
        assert stage.reaches("gateway", "203.0.113.90", 443)
        assert server.accept()[1][0] == address


@privately
def test_nothing_speaks_ipv6_and_nothing_connects_to_the_network_it_was_started_in() -> None:
    stage = two_tiers()
    for name in stage.world.namespaces.names():
        assert stage.world.namespaces.run(name, ["ip", "-6", "addr", "show"]) == ""
    own = subprocess.run(["ip", "-o", "link", "show"], capture_output=True, text=True, check=True).stdout
    assert [line.split(": ")[1] for line in own.splitlines()] == ["lo"]


@privately
def test_azure_gives_default_outbound_access_unless_the_subnet_declines_it() -> None:
    stage = Stage()
    stage.nic("web01", stage.subnet("web", 3, defaultOutboundAccess=None), "10.77.3.4")
    with stage.serve("packages", "203.0.113.80", 80) as server:
        assert stage.reaches("nic-web01", "203.0.113.80", 80)
        assert server.accept()[1][0] == "198.51.100.254"


@privately
def test_the_internet_sees_no_private_address_and_there_is_no_other_internet() -> None:
    stage = Stage()
    public, _ = stage.public_address("nat")
    stage.nic("web01", stage.subnet("web", 3, nat=stage.nat_gateway(public)), "10.77.3.4")
    with pytest.raises(OSError, match="No route to host"):
        stage.reaches("nic-web01", "192.88.99.1", 80)
    routes = stage.world.namespaces.run("internet", ["ip", "route", "show"])
    assert "10.77" not in routes


@privately
def test_a_host_reaches_its_own_public_address_as_anyone_would() -> None:
    stage = Stage()
    public, nat = stage.public_address("nat")
    front, address = stage.public_address("gateway")
    from_internet = {"sourceAddressPrefix": "Internet", "destinationPortRange": "443"}
    stage.nic("web01", stage.subnet("web", 3, stage.group("web"), stage.nat_gateway(public)), "10.77.3.4")
    subnet = stage.subnet("gateway", 7, stage.group("gateway", allow("https", 100, **from_internet), *DENY_ALL))
    network.attach(stage.world, "gateway", subnet, "10.77.7.4")
    network.publish(stage.world, front, "10.77.7.4", [443])
    assert network.published(stage.world, front)
    with stage.serve("gateway", "10.77.7.4", 443) as server:
        assert stage.reaches("outside", address, 443)
        assert server.accept()[1][0] == "203.0.113.66"
        assert stage.reaches("nic-web01", address, 443)
        assert server.accept()[1][0] == nat
        assert stage.times_out("nic-web01", "10.77.7.4", 443)
        network.unpublish(stage.world, front)
        assert stage.times_out("outside", address, 443)
    network.detach(stage.world, "gateway")
    assert not stage.world.namespaces.exists("gateway")


@privately
def test_service_tags_mean_addresses_of_the_rehearsal() -> None:
    stage = Stage()
    public, _ = stage.public_address("nat")
    to_vault = {"destinationAddressPrefix": "AzureKeyVault", "destinationPortRange": "443"}
    group = stage.group("web", allow("vault", 100, "Outbound", **to_vault), *DENY_ALL)
    stage.nic("web01", stage.subnet("web", 3, group, stage.nat_gateway(public)), "10.77.3.4")
    with stage.serve("key-vault", "203.0.113.90", 443), stage.serve("packages", "203.0.113.80", 443):
        assert stage.reaches("nic-web01", "203.0.113.90", 443)
        assert stage.times_out("nic-web01", "203.0.113.80", 443)


@privately
def test_metadata_and_resolver_are_reached_whatever_is_denied_unless_their_tag_is() -> None:
    stage = Stage()
    group = stage.group("web", *DENY_ALL)
    stage.nic("web01", stage.subnet("web", 3, group), "10.77.3.4")
    with (
        stage.serve("router", "169.254.169.254", 80),
        stage.serve("router", "168.63.129.16", 53),
        stage.serve("router", "169.254.169.254", 81),
    ):
        assert stage.reaches("nic-web01", "169.254.169.254", 80)
        assert stage.reaches("nic-web01", "168.63.129.16", 53)
        assert stage.times_out("nic-web01", "169.254.169.254", 81)
        stage.group("web", deny("metadata", 100, "Outbound", destinationAddressPrefix="AzurePlatformIMDS"))
        assert stage.times_out("nic-web01", "169.254.169.254", 80)
        assert stage.reaches("nic-web01", "168.63.129.16", 53)


@privately
def test_a_host_cannot_spoof_its_address_towards_another_subnet() -> None:
    stage = two_tiers()
    stage.group("database", allow("all", 100))
    stage.group("application", allow("all", 100, "Outbound"))
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)
        stage.world.namespaces.run("nic-app01", ["ip", "addr", "add", "10.77.9.4/32", "dev", "eth0"])

        def connect() -> None:
            with socket.socket() as spoofing:
                spoofing.settimeout(SILENT_SECONDS)
                spoofing.bind(("10.77.9.4", 0))
                spoofing.connect((DATABASE, 5432))

        with pytest.raises(TimeoutError):
            stage.world.namespaces.inside("nic-app01", connect)


@privately
def test_icmp_is_matched_as_a_protocol_of_its_own() -> None:
    stage = two_tiers()
    assert not pings(stage, "nic-app01", DATABASE, SILENT_SECONDS)
    stage.group("application", allow("ping", 100, "Outbound", protocol="Icmp"), *DENY_ALL)
    stage.group("database", allow("ping", 100, protocol="Icmp"), *DENY_ALL)
    assert pings(stage, "nic-app01", DATABASE)
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.times_out("nic-app01", DATABASE, 5432)


def pings(stage: Stage, namespace: str, address: str, seconds: float = HANG_SECONDS) -> bool:
    """Whether an ICMP echo request is answered in time."""

    def ping() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            raw.settimeout(seconds)
            # Type 8, code 0, its checksum, identifier and sequence 0.
            raw.sendto(bytes([8, 0, 0xF7, 0xFF, 0, 0, 0, 0]), (address, 0))
            try:
                return raw.recv(100)[20] == 0
            except TimeoutError:
                return False

    return stage.world.namespaces.inside(namespace, ping)


@privately
def test_a_public_address_lets_nothing_in_to_an_interface_without_any_group() -> None:
    stage = Stage()
    public, address = stage.public_address("bare")
    nic = stage.nic("bare", stage.subnet("bare", 1), "10.77.1.4", publicIPAddress={"id": public})
    with stage.serve("nic-bare", "10.77.1.4", 80), stage.serve("packages", "203.0.113.80", 80) as server:
        assert stage.times_out("outside", address, 80)
        assert stage.reaches("nic-bare", "203.0.113.80", 80)
        assert server.accept()[1][0] == address
        stage.again(nic, networkSecurityGroup={"id": stage.group("open", allow("all", 100))})
        assert stage.reaches("outside", address, 80)


@privately
def test_what_azure_refuses_is_refused_and_leaves_nothing_behind() -> None:
    stage = two_tiers()
    subnet = f"{NETWORK}/virtualNetworks/vnet-test/subnets/snet-database"
    for address, code in [("10.77.1.3", "Reserved"), ("10.77.2.9", "NotInSubnet"), ("10.77.1.5", "InUse")]:
        with pytest.raises(HandlerError, match=code):
            stage.nic("new", subnet, address)
    assert not stage.world.namespaces.exists("nic-new")
    with pytest.raises(HandlerError, match="NetcfgSubnetRangesOverlap"):
        stage.subnet("overlap", 1)
    with stage.serve("nic-db01", DATABASE, 5432):
        assert stage.reaches("nic-app01", DATABASE, 5432)
