"""The program, the rehearsal's provider and its handlers know the same resource types."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from rehearsal.base.records import Records
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.provider import types
from rehearsal.provider.types import TYPES
from rehearsal.provider.types.base import ResourceType
from rehearsal.supervisor.families import STARTS, collect
from toolchain.folders import PROJECT

FAMILY_FOLDERS = sorted((PROJECT / "rehearsal").glob("*/__init__.py"))


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


def test_the_program_and_the_provider_know_the_same_types() -> None:
    files = (PROJECT / "infra").rglob("*.py")
    found = {token for file in files for token in declared(file)}
    assert len(found) > 15, "the program's declarations were not found"
    assert found - TYPES.keys() == set(), "add them to rehearsal/provider/types/"
    assert TYPES.keys() - found == set(), "declare them in infra/components/, or take them out of the provider"


def test_each_module_of_types_is_one_of_the_families() -> None:
    modules = {file.stem for file in Path(types.__path__[0]).glob("*.py")} - {"__init__", "base"}
    listed = {family.__name__.rpartition(".")[2] for family in types.FAMILIES}
    assert modules - listed == set(), "add them to FAMILIES in rehearsal/provider/types/__init__.py"


def test_each_class_of_a_type_is_listed_in_its_module() -> None:
    classes = {
        item
        for family in types.FAMILIES
        for item in vars(family).values()
        if isinstance(item, type) and issubclass(item, ResourceType) and item.__module__ == family.__name__
    }
    bases = {base for item in classes for base in item.__mro__[1:]}
    listed = {type(kind) for kind in TYPES.values()}
    assert classes - bases - listed == set(), "add them to TYPES of their module"


def test_each_family_that_has_something_to_start_is_started() -> None:
    packages = [importlib.import_module(f"rehearsal.{path.parent.name}") for path in FAMILY_FOLDERS]
    starting = {package.start for package in packages if hasattr(package, "start")}
    started = {start for row in STARTS for start in row}
    assert starting - started == set(), "add them to STARTS in rehearsal/supervisor/families.py"


def test_a_type_is_said_to_be_real_where_a_handler_makes_it_real(tmp_path: Path) -> None:
    """The handbook's table says what is real; without a handler a resource is recorded only."""
    settings, none = Settings(tmp_path / "state"), cast(Any, None)
    world = World(settings, Records(settings.records), none, none, settings.state, settings.state)
    handled, real = set(collect(world)), {token for token, kind in TYPES.items() if kind.real}
    assert real - handled == set(), "they have no handler in the rehearsal's families"
    assert handled - real == set(), "say in rehearsal/provider/types/ what is real of them"
