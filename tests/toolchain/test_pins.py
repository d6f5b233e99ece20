"""One version of each thing, wherever it is named, and every byte that is fetched pinned by a hash."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

from toolchain import pulumi_home, versions
from toolchain.cli import MODULES
from toolchain.environment import LOCK, UV_LOCK
from toolchain.folders import PROJECT


def _requirements(lock: Path) -> dict[str, str]:
    """Each requirement's complete entry, by name."""
    entries = re.split(r"\n(?=\S)", lock.read_text())
    return {entry.partition("==")[0]: entry for entry in entries if "==" in entry and not entry.startswith("#")}


def test_the_cli_is_of_the_sdks_version() -> None:
    assert importlib.metadata.version("pulumi") == versions.PULUMI
    assert f"github.com/pulumi/pulumi/pkg/v3 v{versions.PULUMI}" in (MODULES / "cli" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/sdk/v3 v{versions.PULUMI}" in (MODULES / "cli" / "go.mod").read_text()


def test_the_language_host_is_of_the_version_that_is_named() -> None:
    module = (MODULES / "language-python" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/sdk/v3 v{versions.LANGUAGE_HOST}" in module


def test_the_stand_in_provider_has_the_installed_sdks_version() -> None:
    assert importlib.metadata.version("pulumi-azure-native") == pulumi_home.AZURE_NATIVE


@pytest.mark.parametrize("lock", [LOCK, UV_LOCK], ids=lambda path: path.name)
def test_every_requirement_has_hashes(lock: Path) -> None:
    requirements = _requirements(lock)
    assert requirements
    assert [name for name, entry in requirements.items() if "--hash=sha256:" not in entry] == []


def test_the_lock_holds_what_the_project_declares() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[<>=~ \[]", line)[0].lower() for line in declared}
    assert names - set(_requirements(LOCK)) == set()


def test_the_installed_packages_are_the_locks() -> None:
    for name, entry in _requirements(LOCK).items():
        version = entry.partition("==")[2].split()[0]
        assert importlib.metadata.version(name) == version, name
