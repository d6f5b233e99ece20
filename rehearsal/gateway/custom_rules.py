"""A firewall policy's custom rules as ModSecurity rules; they are evaluated by priority, before the managed rules."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.base.handler import HandlerError

FIRST_ID = 100_000
"""Above 99,999, because lower ids are for local use: an operator may try out rules by hand."""
STEP = 10

_VARIABLES = {
    "RemoteAddr": "REMOTE_ADDR",
    "RequestMethod": "REQUEST_METHOD",
    "QueryString": "QUERY_STRING",
    "PostArgs": "ARGS_POST",
    "RequestUri": "REQUEST_URI",
    "RequestHeaders": "REQUEST_HEADERS",
    "RequestBody": "REQUEST_BODY",
    "RequestCookies": "REQUEST_COOKIES",
}
_TRANSFORMS = {
    "Lowercase": "t:lowercase",
    "Uppercase": "t:uppercase",
    "Trim": "t:trim",
    "UrlDecode": "t:urlDecodeUni",
    "UrlEncode": "t:urlEncode",
    "RemoveNulls": "t:removeNulls",
    "HtmlEntityDecode": "t:htmlEntityDecode",
}
_ACTIONS = {"Block": "deny,status:{status}", "Allow": "allow", "Log": "pass"}
_NUMBERS = {"LessThan": "lt", "GreaterThan": "gt", "LessThanOrEqual": "le", "GreaterThanOrEqual": "ge"}


def render_custom_rule(identifier: str, number: int, rule: dict[str, Any], status: int) -> str:
    """One rule as a chain of its conditions, all of which must hold.

    ``number`` counts the rules by priority; ``status`` is the answer to a blocked request. Raises HandlerError that
    names what cannot be made real.
    """
    name = str(rule.get("name") or f"custom-{rule.get('priority')}")
    if rule.get("state") == "Disabled":
        return f"# {_plain(name)} is disabled"
    if rule.get("ruleType", "MatchRule") != "MatchRule":
        raise HandlerError(f"{identifier}: custom rule {name}: ruleType {rule['ruleType']} is not made real.")
    action = _ACTIONS.get(str(rule.get("action")))
    if action is None:
        raise HandlerError(f"{identifier}: custom rule {name}: action {rule.get('action')!r} is not made real.")
    conditions = rule.get("matchConditions") or []
    if not conditions:
        raise HandlerError(f"{identifier}: custom rule {name} has no matchConditions.")
    lines = []
    for index, condition in enumerate(conditions):
        test, transforms = _condition(identifier, name, condition)
        actions = ["t:none", *transforms]
        if index == 0:
            # Phase 2, because a condition may be about the body; the managed rules' verdict still comes later.
            verdict = action.format(status=status)
            head = f"id:{FIRST_ID + number * STEP},phase:2,log,auditlog,msg:'{_plain(name)}',{verdict}"
            actions = [head, *actions]
        if index < len(conditions) - 1:
            actions.append("chain")
        lines.append(f'SecRule {test} "{",".join(actions)}"')
    return "\n".join(lines)


def _condition(identifier: str, name: str, condition: dict[str, Any]) -> tuple[str, list[str]]:
    """The condition's variables with operator and values, and its transformations."""
    variables = []
    for variable in condition.get("matchVariables") or []:
        known = _VARIABLES.get(str(variable.get("variableName")))
        if known is None:
            raise HandlerError(
                f"{identifier}: custom rule {name}: variableName {variable.get('variableName')!r} is not known."
            )
        selector = variable.get("selector")
        variables.append(f"{known}:{selector}" if selector else known)
    transforms = []
    for transform in condition.get("transforms") or []:
        if transform not in _TRANSFORMS:
            raise HandlerError(f"{identifier}: custom rule {name}: transform {transform!r} is not made real.")
        transforms.append(_TRANSFORMS[transform])
    operator = _operator(identifier, name, condition)
    # The property is misspelt in Azure's own interface.
    negated = "!" if condition.get("negationConditon") else ""
    return f'{"|".join(variables)} "{negated}{operator}"', transforms


def _operator(identifier: str, name: str, condition: dict[str, Any]) -> str:
    """ModSecurity's operator for a condition: one of the values must match."""
    operator = str(condition.get("operator"))
    values = [str(value) for value in condition.get("matchValues") or []]
    if operator == "IPMatch":
        return f"@ipMatch {','.join(values)}"
    if operator in _NUMBERS and len(values) == 1:
        return f"@{_NUMBERS[operator]} {int(values[0])}"
    patterns = {
        "Any": "",
        "Equal": "^(?:{})$",
        "Contains": "(?:{})",
        "BeginsWith": "^(?:{})",
        "EndsWith": "(?:{})$",
        "Regex": "(?:{})",
    }
    if operator not in patterns:
        raise HandlerError(f"{identifier}: custom rule {name}: operator {operator} with {values} is not made real.")
    if operator == "Regex":
        _check_expressions(identifier, name, values)
    alternatives = "|".join(values if operator == "Regex" else map(_literal, values))
    return "@rx " + patterns[operator].format(alternatives).replace('"', '\\"')


def _check_expressions(identifier: str, name: str, values: list[str]) -> None:
    """Refuse invalid expressions, which ModSecurity accepts silently and never matches."""
    for value in values:
        try:
            re.compile(value)
        except re.error as error:
            raise HandlerError(
                f"{identifier}: custom rule {name}: {value!r} is not a regular expression: {error}."
            ) from error


def _literal(text: str) -> str:
    """The regular expression that matches this text only."""
    return re.sub(r"([^\w ])", r"\\\1", text)


def _plain(name: str) -> str:
    """The name without anything that could end a directive; in Azure it has only letters and digits."""
    return re.sub(r"[^\w-]", "_", name)
