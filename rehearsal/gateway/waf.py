"""A firewall policy (WebApplicationFirewallPolicy) as ModSecurity directives around the OWASP core rule set.

Azure's managed rule sets derive from the core rule set; the rehearsal runs Debian's version of it whatever version
was declared. Rule ids and groups are the same, Microsoft's own rules (threat intelligence, bots) do not exist here.
What would change the verdict and cannot be expressed is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from rehearsal.base.handler import HandlerError, Properties
from rehearsal.gateway.custom_rules import render_custom_rule

AUDIT_LOG = "/var/log/nginx/modsec_audit.log"
"""One JSON document a line, in the gateway's container."""

RULE_SETS = {
    "OWASP": True,
    "Microsoft_DefaultRuleSet": True,
    "Microsoft_BotManagerRuleSet": False,
    "Microsoft_HTTPDDoSRuleSet": False,
}
"""Whether the core rule set is used in its place."""

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

_BASE = """\
SecRequestBodyJsonDepthLimit 512
SecArgumentsLimit 100000
SecResponseBodyAccess Off
SecPcreMatchLimit 100000
SecPcreMatchLimitRecursion 100000
SecTmpDir /tmp
SecDataDir /tmp
SecArgumentSeparator &
SecCookieFormat 0
SecUnicodeMapFile /etc/nginx/unicode.mapping 20127
SecAuditEngine RelevantOnly
SecAuditLogRelevantStatus "^403$"
SecAuditLogType Serial
SecAuditLogFormat JSON
SecAuditLogParts ABHZ
SecDefaultAction "phase:1,log,auditlog,pass"
SecDefaultAction "phase:2,log,auditlog,pass"
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\\+|/)|text/)xml" \
"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z0-9.-]+[+])?json" \
"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" \
"id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" \
"id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart request body failed strict validation.',severity:2"
"""
# Azure inspects requests only, hence no response bodies. The audit log leaves request bodies out (part C): they are
# clients' data. Without the JSON line the core rule set would see a JSON body as one opaque text.

# Set before the rules are read: the core rule set's own default refuses PUT, PATCH and DELETE.
_CORE_RULE_SET = """\
SecAction "id:900200,phase:1,nolog,pass,t:none,\
setvar:'tx.allowed_methods=GET HEAD POST OPTIONS PUT PATCH DELETE'"
SecAction "id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=334"
Include /usr/share/modsecurity-crs/rules/*.conf
"""


@dataclass(frozen=True)
class Firewall:
    """A policy, ready to be written next to nginx's configuration."""

    enabled: bool
    directives: str
    largest_body: int
    """Bytes that a request body may have at all, for nginx's own limit; 0 without one."""


def firewall(identifier: str, properties: Properties) -> Firewall:
    """The policy as directives; raises HandlerError naming what cannot be made real."""
    settings = properties.get("policySettings") or {}
    managed = properties.get("managedRules") or {}
    prevention = _choice(identifier, settings, "mode", "Detection", ("Prevention", "Detection")) == "Prevention"
    enabled = _choice(identifier, settings, "state", "Enabled", ("Enabled", "Disabled")) == "Enabled"
    body_limit = int(settings.get("maxRequestBodySizeInKb") or 128) * 1024
    upload_limit = int(settings.get("fileUploadLimitInMb") or 100) * 1024 * 1024
    enforced = settings.get("requestBodyEnforcement") is not False
    largest = max(body_limit, upload_limit)
    custom = sorted(properties.get("customRules") or [], key=lambda rule: int(rule.get("priority") or 0))
    status = int(settings.get("customBlockResponseStatusCode") or 403)
    lines = [
        f"SecRuleEngine {'On' if prevention else 'DetectionOnly'}",
        f"SecRequestBodyAccess {'Off' if settings.get('requestBodyCheck') is False else 'On'}",
        f"SecRequestBodyLimit {largest}",
        f"SecRequestBodyLimitAction {'Reject' if enforced else 'ProcessPartial'}",
        f"SecAuditLog {AUDIT_LOG}",
        _BASE,
    ]
    if enforced and settings.get("requestBodyCheck") is not False:
        lines.append(_largest_body(body_limit))
    lines += [render_custom_rule(identifier, number, rule, status) for number, rule in enumerate(custom, 1)]
    if any(_rule_set(identifier, found) for found in managed.get("managedRuleSets") or []):
        lines.append(_CORE_RULE_SET)
        lines += _overrides(identifier, managed)
        lines += [_exclusion(identifier, item) for item in managed.get("exclusions") or []]
        if managed.get("exceptions"):
            raise HandlerError(f"{identifier}: managedRules.exceptions are not made real by the rehearsal's gateway.")
    return Firewall(enabled, "\n".join(lines) + "\n", largest if enforced else 0)


def _choice(identifier: str, settings: dict[str, Any], key: str, default: str, allowed: tuple[str, ...]) -> str:
    value = settings.get(key) or default
    if value not in allowed:
        raise HandlerError(f"{identifier}: policySettings.{key} {value!r} is none of {', '.join(allowed)}.")
    return str(value)


def _largest_body(limit: int) -> str:
    """Azure holds uploads (multipart) to fileUploadLimitInMb and every other body to maxRequestBodySizeInKb."""
    return (
        'SecRule REQUEST_HEADERS:Content-Type "!@beginsWith multipart/form-data" '
        "\"id:200010,phase:2,t:none,t:lowercase,log,deny,status:413,msg:'Request body is too large.',chain\"\n"
        f'SecRule REQUEST_BODY_LENGTH "@gt {limit}" "t:none"'
    )


def _rule_set(identifier: str, declared: dict[str, Any]) -> bool:
    """Whether the core rule set is used in its place."""
    kind = declared.get("ruleSetType")
    if kind not in RULE_SETS:
        raise HandlerError(f"{identifier}: ruleSetType {kind!r} is none of {', '.join(RULE_SETS)}.")
    return RULE_SETS[kind]


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
    # Azure knows rules by number that its own sets alone have; ModSecurity refuses to remove those of no number.
    return [f"SecRuleRemoveById {rule}" for rule in removed if re.fullmatch(r"\d+(-\d+)?", rule)]


def _whole_group(identifier: str, name: str) -> list[str]:
    """A group that is overridden without rules is disabled as a whole."""
    for ending, first in GROUPS.items():
        if name.upper().endswith(ending):
            return [f"{first}000-{first}999"] if first else []
    if name.startswith(("MS-", "BadBots", "GoodBots", "UnknownBots", "Known")):
        return []
    raise HandlerError(f"{identifier}: ruleGroupName {name!r} is not a group of the rule sets that are made real.")


def _exclusion(identifier: str, item: dict[str, Any]) -> str:
    """Leave a request's part out of the managed rules, all of them or the named ones."""
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
