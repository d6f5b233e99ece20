"""The virtual environment: what of it is compiled."""

import re

import pytest

from toolchain.environment import _unused

SITE = "/clone/.venv/lib/python3.11/site-packages"


@pytest.mark.parametrize("part", ["network", "compute", "keyvault", "resources"])
def test_what_the_program_imports_is_compiled(part: str) -> None:
    assert not re.search(_unused(), f"{SITE}/pulumi_azure_native/{part}/_inputs.py")


@pytest.mark.parametrize("module", ["pulumi_azure_native/__init__.py", "pulumi/resource.py", "testinfra/host.py"])
def test_all_other_libraries_are_compiled(module: str) -> None:
    assert not re.search(_unused(), f"{SITE}/{module}")


def test_parts_of_the_azure_sdk_that_nobody_imports_are_not() -> None:
    assert re.search(_unused(), f"{SITE}/pulumi_azure_native/workloads/_inputs.py")
