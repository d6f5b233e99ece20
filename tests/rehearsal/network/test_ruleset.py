"""The rendered rulesets: which text each rule becomes, and that nftables accepts all of it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from rehearsal.base.namespaces import Namespaces
from rehearsal.network import parsing, ruleset, translation
from rehearsal.network.declared import DeclaredNetwork, Publication, key
from rehearsal.network.nft_table import Table
from tests.rehearsal.network.privately import privately
from tests.rehearsal.network.stage import NETWORK, VNET, allow, deny

NSG = f"{NETWORK}/networkSecurityGroups/nsg-web"
SUBNET = f"{VNET}/subnets/snet-web"


def declared_network(*rules: dict[str, Any]) -> DeclaredNetwork:
    """One subnet, its group with these rules, and one interface."""
    made = DeclaredNetwork()
    made.networks[key(VNET)] = parsing.virtual_network(VNET, {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}})
    made.groups[key(NSG)] = parsing.group(NSG, {"securityRules": list(rules)})
    made.subnets[key(SUBNET)] = parsing.subnet(
        SUBNET, {"addressPrefix": "10.77.3.0/24", "networkSecurityGroup": {"id": NSG.upper()}}
    )
    nic = f"{NETWORK}/networkInterfaces/nic-web01"
    configuration = {"subnet": {"id": SUBNET}, "privateIPAddress": "10.77.3.4"}
    made.interfaces[key(nic)] = parsing.interface(nic, {"ipConfigurations": [configuration]})
    return made


def chain(text: str, name: str) -> list[str]:
    """The lines of a chain."""
    lines = [line.strip() for line in text.splitlines()]
    start = lines.index(f"chain {name} {{")
    return lines[start + 1 : lines.index("}", start)]


def rendered(rule: dict[str, Any]) -> str:
    """What one rule becomes in its subnet's stage."""
    stage = "subnet-inbound" if rule["direction"] == "Inbound" else "subnet-outbound"
    return chain(ruleset.render(declared_network(rule)), f"{stage}.nsg-web")[0]


INTERNET = "{ 10.0.0.0/8, 127.0.0.0/8, 168.63.129.16/32, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16 }"


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (allow("a", 100), "meta l4proto tcp counter goto interface-inbound"),
        (deny("a", 100), "counter drop"),
        (allow("a", 100, "Outbound", protocol="*"), "counter goto subnet-inbound"),
        (allow("a", 100, destinationPortRange="22"), "tcp dport { 22 } counter goto interface-inbound"),
        (
            allow("a", 100, protocol="Udp", destinationPortRanges=["53", "8000-8010"], sourcePortRange="1024-65535"),
            "udp sport { 1024-65535 } udp dport { 53, 8000-8010 } counter goto interface-inbound",
        ),
        (
            allow("a", 100, protocol="*", destinationPortRange="53"),
            "meta l4proto { tcp, udp } th dport { 53 } counter goto interface-inbound",
        ),
        (allow("a", 100, protocol="Icmp"), "meta l4proto icmp counter goto interface-inbound"),
        (deny("a", 100, sourceAddressPrefix="10.77.1.4"), "ip saddr { 10.77.1.4/32 } counter drop"),
        (
            deny("a", 100, sourceAddressPrefixes=["10.77.1.0/24", "10.77.0.0/24"]),
            "ip saddr { 10.77.0.0/23 } counter drop",
        ),
        (deny("a", 100, destinationAddressPrefix="VirtualNetwork"), "ip daddr { 10.77.0.0/16 } counter drop"),
        (deny("a", 100, sourceAddressPrefix="Internet"), f"ip saddr != {INTERNET} counter drop"),
        (deny("a", 100, "Outbound", destinationAddressPrefix="AzureKeyVault"), "ip daddr @AzureKeyVault counter drop"),
        (deny("a", 100, sourceAddressPrefix="GatewayManager"), "ip saddr @GatewayManager counter drop"),
    ],
)
def test_a_rule_becomes_one_line(rule: dict[str, Any], text: str) -> None:
    assert rendered(rule) == f'{text} comment "nsg-web/a"'


def test_a_groups_chain_is_in_the_order_of_evaluation() -> None:
    text = ruleset.render(declared_network(deny("late", 4096), allow("early", 100), allow("middle", 150)))
    comments = [line.rsplit("comment ", 1)[-1] for line in chain(text, "subnet-inbound.nsg-web")]
    assert comments == [
        f'"nsg-web/{name}"'
        for name in ("early", "middle", "late", "AllowVnetInBound", "AllowAzureLoadBalancerInBound", "DenyAllInBound")
    ]


def test_established_connections_pass_before_any_group_and_the_end_is_closed() -> None:
    lines = chain(ruleset.render(DeclaredNetwork()), "forward")
    assert lines[0].endswith("policy drop;")
    assert "established" in lines[1]


def test_a_subnet_leads_to_its_groups_chains_in_both_directions() -> None:
    text = ruleset.render(declared_network())
    assert chain(text, "subnet-outbound")[0] == (
        'ip saddr 10.77.3.0/24 goto subnet-outbound.nsg-web comment "snet-web/outbound"'
    )
    assert chain(text, "subnet-inbound")[0] == (
        'ip daddr 10.77.3.0/24 goto subnet-inbound.nsg-web comment "snet-web/inbound"'
    )


def test_a_group_that_no_subnet_has_yet_has_its_chains_and_means_all_networks() -> None:
    made = declared_network()
    made.subnets.clear()
    assert "10.77.0.0/16" in chain(ruleset.render(made), "subnet-inbound.nsg-web")[0]


def test_rules_about_the_platform_have_their_own_chain() -> None:
    rule = deny("no-metadata", 100, "Outbound", destinationAddressPrefix="AzurePlatformIMDS")
    text = ruleset.render(declared_network(rule))
    assert chain(text, "platform.nsg-web") == [
        'ip daddr { 169.254.169.254/32 } counter drop comment "nsg-web/no-metadata"'
    ]
    assert "no-metadata" not in "".join(chain(text, "subnet-outbound.nsg-web"))
    assert chain(text, "platform")[1].startswith("ip saddr 10.77.3.0/24 jump platform.nsg-web")


def test_a_nat_gateway_goes_before_azures_default_and_without_both_there_is_no_outbound_access() -> None:
    made = declared_network()
    default = chain(translation.render(made), translation.OUTWARD)
    assert 'ip saddr 10.77.3.0/24 counter snat to 198.51.100.254 comment "snet-web/nat"' in default
    gateway, public = f"{NETWORK}/natGateways/ng", f"{NETWORK}/publicIPAddresses/pip"
    properties = {"addressPrefix": "10.77.3.0/24", "natGateway": {"id": gateway}}
    made.subnets[key(SUBNET)] = parsing.subnet(SUBNET, properties)
    assert len(chain(translation.render(made), translation.OUTWARD)) == 1
    made.nat_gateways[key(gateway)] = parsing.nat_gateway(gateway, {"publicIpAddresses": [{"id": public}]})
    made.public_addresses[key(public)] = IPv4Address("198.51.100.9")
    assert "snat to 198.51.100.9" in chain(translation.render(made), translation.OUTWARD)[1]
    made.subnets[key(SUBNET)] = parsing.subnet(
        SUBNET, {"addressPrefix": "10.77.3.0/24", "defaultOutboundAccess": False}
    )
    assert len(chain(translation.render(made), translation.OUTWARD)) == 1


@privately
def test_nftables_accepts_every_form_and_lists_what_was_applied() -> None:
    tags = [
        "Internet",
        "VirtualNetwork",
        "AzureLoadBalancer",
        "GatewayManager",
        "AzureCloud",
        "Storage",
        "AzureKeyVault",
    ]
    rules = [allow(f"tag-{tag}", 100 + index, sourceAddressPrefix=tag) for index, tag in enumerate(tags)]
    rules += [
        allow(f"ports-{index}", 200 + index, "Outbound", protocol=protocol, destinationPortRanges=["22", "80-90"])
        for index, protocol in enumerate(("Tcp", "Udp", "*"))
    ]
    rules += [allow(protocol, 300 + index, protocol=protocol) for index, protocol in enumerate(("Icmp", "Esp", "Ah"))]
    rules += [deny("dns", 400, "Outbound", destinationAddressPrefix="AzurePlatformDNS")]
    rules += [allow("x" * 80, 500)]
    made = declared_network(*rules)
    publics = [f"{NETWORK}/publicIPAddresses/{name}" for name in "ab"]
    for index, public in enumerate(publics):
        made.public_addresses[key(public)] = IPv4Address(f"198.51.100.{index + 1}")
    made.publications["x"] = Publication(key(publics[0]), IPv4Address("10.77.3.4"), (80, 443), "gateway")
    gateway = f"{NETWORK}/natGateways/ng"
    made.nat_gateways[key(gateway)] = parsing.nat_gateway(gateway, {"publicIpAddresses": [{"id": p} for p in publics]})
    properties = {"addressPrefix": "10.77.3.0/24", "natGateway": {"id": gateway}, "networkSecurityGroup": {"id": NSG}}
    made.subnets[key(SUBNET)] = parsing.subnet(SUBNET, properties)
    spaces = Namespaces()
    spaces.create("here")
    for module in (ruleset, translation):
        table = Table(spaces, "here", module.FAMILY, module.TABLE)
        table.apply(module.render(made))
        assert table.rules()
        assert table.drift().missing == []
        assert table.drift().foreign == []
