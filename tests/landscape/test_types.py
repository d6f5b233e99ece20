"""The program declares no resource type that the rehearsal's provider does not know, and the reverse."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from rehearsal.provider.types import TYPES
from toolchain.folders import PROJECT


def declared(file: Path) -> Iterator[str]:
    """Tokens of the azure-native resources that a file of the program makes."""
    tree = ast.parse(file.read_text())
    modules = {
        alias.asname or alias.name: alias.name.rpartition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.name.startswith("pulumi_azure_native.")
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in modules
            and not node.func.attr.endswith("Args")
        ):
            yield f"azure-native:{modules[node.func.value.id]}:{node.func.attr}"


def test_every_type_that_the_program_declares_is_known_to_the_rehearsal() -> None:
    files = (PROJECT / "infra").rglob("*.py")
    found = {token for file in files for token in declared(file)}
    assert len(found) > 15, "the program's declarations were not found"
    assert found - TYPES.keys() == set(), "add them to rehearsal/provider/types/"
