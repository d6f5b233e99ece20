"""An assertion inside an `apply` passes silently unless Pulumi waits for it: finds those that no one waits for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from toolchain.folders import PROJECT

TESTS = sorted(file for file in (PROJECT / "tests").rglob("test_*.py") if "pulumi" in file.read_text())
"""The tests that could use an Output; other things have an ``apply`` too."""


def unawaited(source: str) -> list[str]:
    """Names of test functions that assert inside an apply without `@pulumi.runtime.test`."""
    return [
        function.name
        for function in ast.walk(ast.parse(source))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and function.name.startswith("test_")
        and any(_is_apply(node) for node in ast.walk(function))
        and not any("runtime.test" in ast.unparse(decorator) for decorator in function.decorator_list)
    ]


def _is_apply(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "apply"


@pytest.mark.parametrize("file", TESTS, ids=lambda file: str(file.relative_to(PROJECT)))
def test_no_assertion_is_left_behind_in_an_apply(file: Path) -> None:
    assert unawaited(file.read_text()) == []


def test_an_assertion_in_an_apply_is_found() -> None:
    source = "def test_x():\n    output.apply(check)\n"
    assert unawaited(source) == ["test_x"]
    assert unawaited(f"@pulumi.runtime.test\n{source}") == []
