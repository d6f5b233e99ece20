"""Security groups: read from ARM's properties, ordered as Azure evaluates them, and refused as Azure refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.network.security import security_group
from tests.rehearsal.network.stage import allow, deny


def names(*rules: dict[str, Any], direction: Any = "Inbound") -> list[str]:
    return [rule.name for rule in security_group("id", "nsg", list(rules)).rules_for(direction)]


def test_rules_are_evaluated_by_priority_whatever_their_order_and_defaults_come_last() -> None:
    rules = [deny("last", 4096), allow("second", 200), allow("first", 100), allow("out", 100, "Outbound")]
    assert names(*rules) == [
        "first",
        "second",
        "last",
        "AllowVnetInBound",
        "AllowAzureLoadBalancerInBound",
        "DenyAllInBound",
    ]
    assert names(*rules, direction="Outbound") == [
        "out",
        "AllowVnetOutBound",
        "AllowInternetOutBound",
        "DenyAllOutBound",
    ]


def test_a_priority_may_be_used_once_in_each_direction() -> None:
    assert names(allow("in", 100), allow("out", 100, "Outbound"))[0] == "in"
    with pytest.raises(HandlerError, match=r"SecurityRuleConflict: a and b both have priority 100 Inbound"):
        names(allow("a", 100), allow("b", 100))


def test_a_name_may_be_used_once() -> None:
    with pytest.raises(HandlerError, match="two rules named a"):
        names(allow("a", 100), allow("A", 200))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"priority": 99}, "SecurityRuleInvalidPriority"),
        ({"priority": 4097}, "SecurityRuleInvalidPriority"),
        ({"priority": None}, "SecurityRuleInvalidPriority"),
        ({"protocol": "Sctp"}, "none of Tcp"),
        ({"direction": "Sideways"}, "direction"),
        ({"access": "Maybe"}, "access"),
        ({"name": 'x" drop comment "y'}, "not a rule name"),
        ({"sourceAddressPrefix": "10.0.0.0/33"}, "SecurityRuleInvalidAddressPrefix"),
        ({"sourceAddressPrefix": "Nowhere"}, "SecurityRuleInvalidAddressPrefix"),
        ({"sourceAddressPrefix": None}, "either sourceAddressPrefix or"),
        ({"sourceAddressPrefix": "*", "sourceAddressPrefixes": ["10.0.0.0/8"]}, "SourceAddress|either"),
        ({"destinationAddressPrefixes": ["Internet", "10.0.0.0/8"]}, "must be the only entry"),
        ({"destinationPortRange": "22-21"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "70000"}, "SecurityRuleInvalidPortRange"),
        ({"destinationPortRange": "ssh"}, "SecurityRuleInvalidPortRange"),
        ({"sourceApplicationSecurityGroups": [{"id": "x"}]}, "not made real"),
    ],
)
def test_what_azure_refuses_is_refused_with_its_reason(change: dict[str, Any], reason: str) -> None:
    rule = allow("rule", 100)
    if "destinationAddressPrefixes" in change:
        del rule["destinationAddressPrefix"]
    with pytest.raises(HandlerError, match=reason):
        names({**rule, **change})


def test_empty_lists_next_to_a_single_value_are_what_arm_fills_in() -> None:
    filled: dict[str, Any] = {"sourceAddressPrefixes": [], "destinationPortRanges": []}
    assert names({**allow("rule", 100), **filled})[0] == "rule"


def test_a_regional_tag_is_its_tag() -> None:
    group = security_group("id", "nsg", [allow("a", 100, sourceAddressPrefix="AzureKeyVault.GermanyWestCentral")])
    assert group.rules_for("Inbound")[0].sources == ("AzureKeyVault",)
