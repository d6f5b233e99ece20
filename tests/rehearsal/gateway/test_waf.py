"""Firewall policies as ModSecurity directives."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.gateway.waf import firewall

from .lab import POLICY, policy_properties


def directives(**changes: Any) -> str:
    return firewall(POLICY, policy_properties(**changes)).directives


def managed(rule_set: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    base = {"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}
    return {"managedRuleSets": [{**base, **(rule_set or {})}], **more}


def rule(**changes: Any) -> dict[str, Any]:
    condition = {"matchVariables": [{"variableName": "RequestUri"}], "operator": "Contains", "matchValues": ["/admin"]}
    return {
        "name": "NoAdmin",
        "priority": 10,
        "ruleType": "MatchRule",
        "action": "Block",
        "matchConditions": [condition | changes.pop("condition", {})],
        **changes,
    }


def test_prevention_blocks_and_detection_only_logs() -> None:
    assert "SecRuleEngine On\n" in directives()
    assert "SecRuleEngine DetectionOnly\n" in directives(mode="Detection")
    assert not firewall(POLICY, policy_properties(state="Disabled")).enabled


def test_methods_that_the_core_rule_set_refuses_are_allowed_before_its_rules() -> None:
    text = directives()
    assert text.index("tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE") < text.index("Include /usr/share")


def test_bodies_are_limited_as_declared() -> None:
    text = directives(maxRequestBodySizeInKb=128, fileUploadLimitInMb=10)
    assert 'REQUEST_BODY_LENGTH "@gt 131072"' in text
    assert f"SecRequestBodyLimit {10 * 1024 * 1024}\n" in text
    assert "REQUEST_BODY_LENGTH" not in directives(requestBodyEnforcement=False)
    assert "SecRequestBodyAccess Off" in directives(requestBodyCheck=False)


def test_rules_and_groups_may_be_disabled() -> None:
    overrides = [
        {"ruleGroupName": "SQLI", "rules": [{"ruleId": "942100", "state": "Disabled"}, {"ruleId": "942110"}]},
        {"ruleGroupName": "REQUEST-941-APPLICATION-ATTACK-XSS"},
        {"ruleGroupName": "MS-ThreatIntel-CVEs"},
    ]
    text = directives(managedRules=managed({"ruleGroupOverrides": overrides}))
    assert "SecRuleRemoveById 942100\n" in text
    assert "SecRuleRemoveById 941000-941999\n" in text
    assert "942110" not in text
    assert text.index("Include /usr/share") < text.index("SecRuleRemoveById")


@pytest.mark.parametrize(
    ("exclusion", "line"),
    [
        (
            {"matchVariable": "RequestArgNames", "selectorMatchOperator": "Equals", "selector": "notiz"},
            'SecRuleUpdateTargetByTag "OWASP_CRS" "!ARGS:/^notiz$/"',
        ),
        (
            {"matchVariable": "RequestHeaderNames", "selectorMatchOperator": "StartsWith", "selector": "x.y"},
            'SecRuleUpdateTargetByTag "OWASP_CRS" "!REQUEST_HEADERS:/^x\\.y/"',
        ),
        (
            {"matchVariable": "RequestCookieNames", "selectorMatchOperator": "EqualsAny", "selector": "*"},
            'SecRuleUpdateTargetByTag "OWASP_CRS" "!REQUEST_COOKIES"',
        ),
        (
            {
                "matchVariable": "RequestArgNames",
                "selectorMatchOperator": "EndsWith",
                "selector": "text",
                "exclusionManagedRuleSets": [{"ruleGroups": [{"rules": [{"ruleId": "942100"}]}]}],
            },
            'SecRuleUpdateTargetById 942100 "!ARGS:/text$/"',
        ),
    ],
)
def test_exclusions_exclude_a_part_of_requests(exclusion: dict[str, Any], line: str) -> None:
    assert line in directives(managedRules=managed(exclusions=[exclusion]))


def test_custom_rules_come_before_the_managed_ones_by_priority() -> None:
    second = rule(name="Second", priority=20)
    text = directives(customRules=[second, rule()])
    assert text.index("msg:'NoAdmin'") < text.index("msg:'Second'") < text.index("Include /usr/share")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 'SecRule REQUEST_URI "@rx (?:\\/admin)" "id:100010,phase:2,log,auditlog,msg:\'NoAdmin\',deny,status:403,'),
        ({"action": "Allow"}, ",allow,t:none"),
        ({"action": "Log"}, ",pass,t:none"),
        ({"state": "Disabled"}, "# NoAdmin is disabled"),
        ({"condition": {"operator": "Equal", "matchValues": ["a", "b"]}}, '"@rx ^(?:a|b)$"'),
        ({"condition": {"operator": "BeginsWith"}}, '"@rx ^(?:\\/admin)"'),
        ({"condition": {"operator": "Regex", "matchValues": ['x"+']}}, '"@rx (?:x\\"+)"'),
        ({"condition": {"negationConditon": True}}, 'REQUEST_URI "!@rx'),
        ({"condition": {"transforms": ["Lowercase", "UrlDecode"]}}, "t:none,t:lowercase,t:urlDecodeUni"),
        (
            {
                "condition": {
                    "matchVariables": [{"variableName": "RemoteAddr"}],
                    "operator": "IPMatch",
                    "matchValues": ["203.0.113.0/24", "10.0.0.1"],
                }
            },
            'SecRule REMOTE_ADDR "@ipMatch 203.0.113.0/24,10.0.0.1"',
        ),
        (
            {"condition": {"matchVariables": [{"variableName": "RequestHeaders", "selector": "User-Agent"}]}},
            "SecRule REQUEST_HEADERS:User-Agent ",
        ),
    ],
)
def test_a_custom_rule_is_translated(changes: dict[str, Any], expected: str) -> None:
    assert expected in directives(customRules=[rule(**changes)])


def test_conditions_of_a_rule_must_all_hold() -> None:
    conditions = [
        {"matchVariables": [{"variableName": "RequestMethod"}], "operator": "Equal", "matchValues": ["POST"]},
        {"matchVariables": [{"variableName": "RequestUri"}], "operator": "Contains", "matchValues": ["/x"]},
    ]
    lines = directives(customRules=[rule(matchConditions=conditions)]).splitlines()
    index = next(number for number, line in enumerate(lines) if "NoAdmin" in line)
    assert lines[index].endswith('chain"')
    assert lines[index + 1] == 'SecRule REQUEST_URI "@rx (?:\\/x)" "t:none"'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mode": "Prevent"}, r"policySettings\.mode 'Prevent' is none of"),
        ({"managedRules": managed({"ruleSetType": "Mine"})}, "ruleSetType 'Mine' is none of"),
        (
            {"managedRules": managed({"ruleGroupOverrides": [{"ruleGroupName": "NOPE"}]})},
            "ruleGroupName 'NOPE' is not a group",
        ),
        (
            {
                "managedRules": managed(
                    {
                        "ruleGroupOverrides": [
                            {"ruleGroupName": "SQLI", "rules": [{"ruleId": "942100", "action": "Log"}]}
                        ]
                    }
                )
            },
            "action Log is not made real",
        ),
        ({"managedRules": managed(exclusions=[{"matchVariable": "X"}])}, "matchVariable 'X' is not known"),
        ({"customRules": [rule(ruleType="RateLimitRule")]}, "ruleType RateLimitRule is not made real"),
        ({"customRules": [rule(action="JSChallenge")]}, "action 'JSChallenge' is not made real"),
        ({"customRules": [rule(condition={"operator": "GeoMatch"})]}, "operator GeoMatch"),
        (
            {"customRules": [rule(condition={"operator": "Regex", "matchValues": ["(unclosed"]})]},
            "is not a regular expression",
        ),
        ({"customRules": [rule(matchConditions=[])]}, "has no matchConditions"),
        (
            {"customRules": [rule(condition={"matchVariables": [{"variableName": "Moon"}]})]},
            "variableName 'Moon' is not known",
        ),
    ],
)
def test_what_cannot_be_made_real_is_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(HandlerError, match=reason):
        directives(**changes)


def test_a_name_cannot_add_anything_to_the_configuration() -> None:
    text = directives(customRules=[rule(name="a'\n\"SecRuleEngine Off")])
    assert "msg:'a___SecRuleEngine_Off'" in text
