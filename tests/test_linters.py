"""The linters as tests, so that one command checks everything; and what no linter looks for."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from contextlib import suppress
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import grimp
import pytest

from toolchain.folders import PROJECT

LONGEST_MODULE = 400
"""Lines; a longer one holds two subjects."""

# In pieces, so that this file does not name what it forbids.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("registry", "npmjs", "org"),
    )
]
MACHINE_PATHS = ["/".join(("", *parts)) for parts in (("work", "main"), ("work", "shared"), ("tmp", "lab"))]


def _ends_with_success(*command: str) -> None:
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"


def _tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return [PROJECT / name for name in listed.split("\0") if name and (PROJECT / name).is_file()]


@cache
def _texts() -> dict[Path, str]:
    found = {}
    for file in _tracked():
        with suppress(UnicodeDecodeError):
            found[file] = file.read_text()
    return found


def _lines_with(word: str, pattern: str) -> list[str]:
    """The lines that match the pattern; each contains the word, which is quicker to find."""
    return [
        f"{file.relative_to(PROJECT)}:{number}: {line}"
        for file, text in _texts().items()
        if word in text
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


@pytest.mark.linter
def test_ruff_finds_nothing() -> None:
    _ends_with_success(sys.executable, "-m", "ruff", "check")


@pytest.mark.linter
def test_ruff_would_format_nothing() -> None:
    _ends_with_success(sys.executable, "-m", "ruff", "format", "--check")


@pytest.mark.linter
def test_mypy_finds_nothing() -> None:
    _ends_with_success(sys.executable, "-m", "mypy")


@pytest.mark.linter
def test_no_import_goes_up_or_in_circles() -> None:
    _ends_with_success(str(Path(sys.executable).with_name("lint-imports")), "--no-cache")


def test_no_file_imports_itself_indirectly() -> None:
    # The contracts compare siblings, so they miss a module and its own package that import each other.
    packages = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["mypy"]["packages"]
    graph = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=False)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # a CycleError names the files


def test_every_package_of_the_project_is_under_the_rules_for_imports_and_types() -> None:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    folders = {file.relative_to(PROJECT).parts[0] for file in _texts() if file.suffix == ".py"}
    layers = settings["importlinter"]["contracts"][0]["layers"]
    assert set(settings["mypy"]["packages"]) == folders
    assert set(settings["importlinter"]["root_packages"]) == folders
    assert {name for layer in layers for name in layer.split(" | ")} == folders


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host: str) -> None:
    # A mirror is the machine's own choice: apt's sources, pip's and Go's configuration.
    assert _lines_with(host, re.escape(host)) == []


@pytest.mark.parametrize("path", MACHINE_PATHS)
def test_no_file_names_a_path_of_one_machine(path: str) -> None:
    assert _lines_with(path, rf"(^|[\s\"'=:(]){re.escape(path)}") == []


def test_no_module_holds_two_subjects() -> None:
    lengths = {file: len(text.splitlines()) for file, text in _texts().items() if file.suffix == ".py"}
    assert {str(file): length for file, length in lengths.items() if length > LONGEST_MODULE} == {}


def test_no_signal_handler_sets_an_event() -> None:
    """It runs in the main thread: if that holds the Event's lock just then, in `wait`, it waits for itself for ever.

    `signal.sigtimedwait` with the signal blocked waits for either without a handler.
    """
    assert _lines_with("set()", r"signal\.signal\(.*\.set\(\)") == []
