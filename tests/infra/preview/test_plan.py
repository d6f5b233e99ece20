"""The readable plan and the one for programs."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from console import ExpectedError
from infra.preview.plan import difference_lines, parse, render

URN = "urn:pulumi:prod::livegang::livegang:infra:Network$azure-native:network:NetworkSecurityGroup::nsg-database"


def step(op: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    state = {"sourcePosition": "project:///infra/network.py", "stackTrace": [{"sourcePosition": "x"}]}
    return {
        "op": op,
        "urn": URN,
        "oldState": {"inputs": old, **state} if old else None,
        "newState": {"inputs": new, **state} if new else None,
    }


def rule(name: str, priority: int) -> dict[str, Any]:
    return {"name": name, "priority": priority}


def shown(plan: object) -> str:
    text = io.StringIO()
    Console(file=text, width=120).print(plan)
    return text.getvalue()


def test_a_rule_that_is_removed_is_the_only_one_named() -> None:
    """Compared by position, every rule after it would look changed."""
    old = {"securityRules": [rule("a", 100), rule("b", 110), rule("c", 120)]}
    new = {"securityRules": [rule("a", 100), rule("c", 120)]}
    assert list(difference_lines(old, new)) == ['- securityRules["b"]: {"name": "b", "priority": 110}']


def test_a_changed_property_is_named_with_its_path_and_both_values() -> None:
    old, new = {"hardwareProfile": {"vmSize": "A"}}, {"hardwareProfile": {"vmSize": "B"}}
    assert list(difference_lines(old, new)) == ['~ hardwareProfile.vmSize: "A" → "B"']


def test_differences_are_shown_on_request() -> None:
    old = {"securityRules": [rule("a", 100), rule("b", 110)]}
    document = {"steps": [step("update", old, {"securityRules": [rule("a", 100)]})]}
    plan = parse("prod", json.dumps(document), "")
    assert '- securityRules["b"]' in shown(render(plan, with_differences=True))
    assert '- securityRules["b"]' not in shown(render(plan, with_differences=False))
    assert "Stack prod: 1 to update" in shown(render(plan, with_differences=False))


def test_a_change_within_a_secret_is_named_by_its_path() -> None:
    changed = step("update", {"osProfile": "[secret]"}, {"osProfile": "[secret]"})
    changed["detailedDiff"] = {"osProfile.customData": {"kind": "update", "inputDiff": True}}
    plan = parse("prod", json.dumps({"steps": [changed]}), "")
    assert "~ osProfile.customData: secret" in shown(render(plan, with_differences=True))


def test_the_plan_for_programs_names_no_file_of_this_machine() -> None:
    document = {"steps": [step("create", None, {"securityRules": []})]}
    kept = parse("prod", json.dumps(document), "").to_json()
    assert "stackTrace" not in kept
    assert "sourcePosition" not in kept


def test_a_failed_preview_reports_pulumis_reason_once() -> None:
    message = {"severity": "error", "message": "error: Pulumi.prod.yaml has 1 mistake"}
    with pytest.raises(ExpectedError) as caught:
        parse("prod", json.dumps({"steps": [], "diagnostics": [message, message]}), "")
    assert str(caught.value).count("Pulumi.prod.yaml has 1 mistake") == 1


def test_a_preview_that_never_began_reports_what_pulumi_wrote() -> None:
    with pytest.raises(ExpectedError, match="no stack named 'x' found"):
        parse("x", "", "error: no stack named 'x' found\n")
