"""A firewall policy (WebApplicationFirewallPolicy) as ModSecurity directives around the OWASP core rule set.

Azure's managed rule sets derive from the core rule set; the rehearsal uses Debian's version of it, whichever version
is declared. Rule ids and groups are the same; Microsoft's own rules (threat intelligence, bots) do not exist here.
What would change the verdict and cannot be expressed is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.base import templating
from rehearsal.base.handler import HandlerError, Properties
from rehearsal.gateway.custom_rules import render_custom_rule

AUDIT_LOG = "/var/log/nginx/modsec_audit.log"
"""One JSON document per line; a path in the gateway's container."""

RULE_SETS = {
    "OWASP": True,
    "Microsoft_DefaultRuleSet": True,
    "Microsoft_BotManagerRuleSet": False,
    "Microsoft_HTTPDDoSRuleSet": False,
}
"""Whether the core rule set is used in place of a managed rule set."""

GROUPS = {
    "GENERAL": None,
    "METHOD-ENFORCEMENT": 911,
    "SCANNER-DETECTION": 913,
    "PROTOCOL-ENFORCEMENT": 920,
    "PROTOCOL-ATTACK": 921,
    "LFI": 930,
    "RFI": 931,
    "RCE": 932,
    "PHP": 933,
    "NODEJS": 934,
    "XSS": 941,
    "SQLI": 942,
    "FIX": 943,
    "SESSION-FIXATION": 943,
    "JAVA": 944,
}
"""First three digits of a group's rules, by what its name ends in (``REQUEST-942-APPLICATION-ATTACK-SQLI``, ``SQLI``).
Groups that only Azure has are not here."""

_VARIABLES = {
    "RequestHeaderNames": "REQUEST_HEADERS",
    "RequestHeaderValues": "REQUEST_HEADERS",
    "RequestHeaderKeys": "REQUEST_HEADERS_NAMES",
    "RequestCookieNames": "REQUEST_COOKIES",
    "RequestCookieValues": "REQUEST_COOKIES",
    "RequestCookieKeys": "REQUEST_COOKIES_NAMES",
    "RequestArgNames": "ARGS",
    "RequestArgValues": "ARGS",
    "RequestArgKeys": "ARGS_NAMES",
}

_TEMPLATE = Path(__file__).with_name("templates") / "firewall.conf.j2"


@dataclass(frozen=True)
class Firewall:
    """A policy as ModSecurity directives, for a file next to nginx's configuration."""

    enabled: bool
    directives: str
    largest_body: int
    """Bytes that any request body may have, for nginx's own limit; 0 for no limit."""


def firewall(identifier: str, properties: Properties) -> Firewall:
    """The policy as directives. Raises HandlerError that names what cannot be made real."""
    settings = properties.get("policySettings") or {}
    managed = properties.get("managedRules") or {}
    prevention = _choice(identifier, settings, "mode", "Detection", ("Prevention", "Detection")) == "Prevention"
    enabled = _choice(identifier, settings, "state", "Enabled", ("Enabled", "Disabled")) == "Enabled"
    body_limit = int(settings.get("maxRequestBodySizeInKb") or 128) * 1024
    upload_limit = int(settings.get("fileUploadLimitInMb") or 100) * 1024 * 1024
    largest_body = max(body_limit, upload_limit)
    limits_enforced = settings.get("requestBodyEnforcement") is not False
    custom_rules = sorted(properties.get("customRules") or [], key=lambda rule: int(rule.get("priority") or 0))
    blocked_status = int(settings.get("customBlockResponseStatusCode") or 403)
    core_rule_set = any(_uses_core_rule_set(identifier, found) for found in managed.get("managedRuleSets") or [])
    directives = templating.render(
        _TEMPLATE,
        audit_log=AUDIT_LOG,
        prevention=prevention,
        bodies_checked=settings.get("requestBodyCheck") is not False,
        limits_enforced=limits_enforced,
        body_limit=body_limit,
        largest_body=largest_body,
        custom_rules=[
            render_custom_rule(identifier, number, rule, blocked_status) for number, rule in enumerate(custom_rules, 1)
        ],
        core_rule_set=core_rule_set,
        adjustments=_adjustments(identifier, managed) if core_rule_set else [],
    )
    return Firewall(enabled, directives, largest_body if limits_enforced else 0)


def _choice(identifier: str, settings: dict[str, Any], key: str, default: str, allowed: tuple[str, ...]) -> str:
    value = settings.get(key) or default
    if value not in allowed:
        raise HandlerError(f"{identifier}: policySettings.{key} {value!r} is none of {', '.join(allowed)}.")
    return str(value)


def _uses_core_rule_set(identifier: str, declared: dict[str, Any]) -> bool:
    """Whether the core rule set is used in place of this managed rule set."""
    kind = declared.get("ruleSetType")
    if kind not in RULE_SETS:
        raise HandlerError(f"{identifier}: ruleSetType {kind!r} is none of {', '.join(RULE_SETS)}.")
    return RULE_SETS[kind]


def _adjustments(identifier: str, managed: dict[str, Any]) -> list[str]:
    """What the policy changes in the managed rules, as directives to follow them."""
    if managed.get("exceptions"):
        raise HandlerError(f"{identifier}: managedRules.exceptions are not made real by the rehearsal's gateway.")
    exclusions = [_exclusion(identifier, item) for item in managed.get("exclusions") or []]
    return [*_overrides(identifier, managed), *exclusions]


def _overrides(identifier: str, managed: dict[str, Any]) -> list[str]:
    removed: list[str] = []
    for rule_set in managed.get("managedRuleSets") or []:
        for group in rule_set.get("ruleGroupOverrides") or []:
            rules = group.get("rules") or []
            if not rules:
                removed += _whole_group(identifier, str(group.get("ruleGroupName")))
            for rule in rules:
                if rule.get("state") == "Disabled":
                    removed.append(str(rule["ruleId"]))
                elif rule.get("action") not in (None, "AnomalyScoring"):
                    raise HandlerError(
                        f"{identifier}: ruleGroupOverrides {rule['ruleId']}: action {rule['action']} is not made real "
                        "by the rehearsal's gateway; it knows AnomalyScoring, and state Disabled."
                    )
    # Some rules of Azure's own sets have no number as id, and ModSecurity rejects the removal of such a one.
    return [f"SecRuleRemoveById {rule}" for rule in removed if re.fullmatch(r"\d+(-\d+)?", rule)]


def _whole_group(identifier: str, name: str) -> list[str]:
    """The ids of a group's rules: a group that is overridden without naming rules is disabled completely."""
    for ending, first in GROUPS.items():
        if name.upper().endswith(ending):
            return [f"{first}000-{first}999"] if first else []
    if name.startswith(("MS-", "BadBots", "GoodBots", "UnknownBots", "Known")):
        return []
    raise HandlerError(f"{identifier}: ruleGroupName {name!r} is not a group of the rule sets that are made real.")


def _exclusion(identifier: str, item: dict[str, Any]) -> str:
    """The directive that excludes a part of requests from the managed rules, all or the named ones."""
    variable = _VARIABLES.get(str(item.get("matchVariable")))
    if variable is None:
        raise HandlerError(f"{identifier}: exclusions: matchVariable {item.get('matchVariable')!r} is not known.")
    selector, operator = str(item.get("selector", "")), item.get("selectorMatchOperator")
    escaped = re.sub(r"([^\w-])", r"\\\1", selector)
    expressions = {
        "Equals": f":/^{escaped}$/",
        "StartsWith": f":/^{escaped}/",
        "EndsWith": f":/{escaped}$/",
        "Contains": f":/{escaped}/",
        "EqualsAny": "",
    }
    if operator not in expressions:
        raise HandlerError(f"{identifier}: exclusions: selectorMatchOperator {operator!r} is not known.")
    target = f'"!{variable}{expressions[operator]}"'
    rules = [
        str(rule["ruleId"])
        for rule_set in item.get("exclusionManagedRuleSets") or []
        for group in rule_set.get("ruleGroups") or []
        for rule in group.get("rules") or []
    ]
    if not rules:
        return f'SecRuleUpdateTargetByTag "OWASP_CRS" {target}'
    return "\n".join(f"SecRuleUpdateTargetById {rule} {target}" for rule in rules)
