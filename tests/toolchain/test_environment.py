"""The virtual environment: what runs before it exists, and what of it is compiled."""

import re
import subprocess
import sys

import pytest

from toolchain.environment import _unused
from toolchain.folders import PROJECT

SITE = "/clone/.venv/lib/python3.11/site-packages"


@pytest.mark.parametrize("module", sorted(file.stem for file in (PROJECT / "toolchain").glob("[a-z]*.py")))
def test_before_it_exists_the_standard_library_is_enough(module: str) -> None:
    # -S: without site-packages, so without the environment that runs this test.
    subprocess.run([sys.executable, "-S", "-c", f"import toolchain.{module}"], cwd=PROJECT, check=True)


@pytest.mark.parametrize("part", ["network", "compute", "keyvault", "resources"])
def test_what_the_program_imports_is_compiled(part: str) -> None:
    assert not re.search(_unused(), f"{SITE}/pulumi_azure_native/{part}/_inputs.py")


@pytest.mark.parametrize("module", ["pulumi_azure_native/__init__.py", "pulumi/resource.py", "testinfra/host.py"])
def test_all_other_libraries_are_compiled(module: str) -> None:
    assert not re.search(_unused(), f"{SITE}/{module}")


def test_parts_of_the_azure_sdk_that_the_program_does_not_import_are_not() -> None:
    assert re.search(_unused(), f"{SITE}/pulumi_azure_native/workloads/_inputs.py")
