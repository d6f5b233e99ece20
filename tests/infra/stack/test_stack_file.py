"""Mistakes in a stack file are refused before Pulumi starts, with file, key, value and remedy."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from console import ExpectedError
from fabfile import infra_commands
from infra.stack import stack_file
from infra.stack.pulumi_cli import Pulumi
from infra.stack.topology import KEY
from toolchain.folders import PROJECT

STACK = "rehearsal"
GOOD: dict[str, Any] = yaml.safe_load((PROJECT / f"Pulumi.{STACK}.yaml").read_text())

NO_STACK_FILE = {
    "nothing": (b"", "Pulumi.rehearsal.yaml is empty", "commented example"),
    "a comment": (b"# soon\n", "Pulumi.rehearsal.yaml is empty", "commented example"),
    "a list": (b"- config\n", "Pulumi.rehearsal.yaml has no keys, only ['config']", "commented example"),
    "a tab": (b"config:\n\tlandscape: x\n", "Pulumi.rehearsal.yaml is not YAML, line 2, column 1", "Correct the line"),
    "an open bracket": (b"config: {a: [1\n", "Pulumi.rehearsal.yaml is not YAML, line 2", "Correct the line"),
    "a key twice": (b"config:\n  a: 1\n  a: 2\n", "not YAML, line 2, column 3: duplicate key 'a'", "Correct the line"),
    "another encoding": ("config: ü\n".encode("latin-1"), "is not UTF-8 text: byte 0xfc in line 1", "Save it as UTF-8"),
}


@pytest.mark.parametrize("kind", NO_STACK_FILE)
def test_a_file_that_cannot_be_read_is_reported_with_line_and_remedy(tmp_path: Path, kind: str) -> None:
    content, *expected = NO_STACK_FILE[kind]
    (tmp_path / "Pulumi.rehearsal.yaml").write_bytes(content)
    with pytest.raises(ExpectedError) as caught:
        stack_file.check(STACK, tmp_path)
    assert all(part in str(caught.value) for part in expected), str(caught.value)


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    change(document)
    return document


WRONG = {
    "config misspelt": (
        changed(lambda d: d.update(confg=d.pop("config"))),
        ("confg: unknown setting. Did you mean config?", "config: is missing"),
    ),
    "config as text": (changed(lambda d: d.update(config="x")), ("config: 'x' is not a map",)),
    "no region": (
        changed(lambda d: d["config"].pop("azure-native:location")),
        ("config.azure-native:location: is missing", "germanywestcentral"),
    ),
    "a subscription that is none": (
        changed(lambda d: d["config"].update({"azure-native:subscriptionId": 5})),
        ("config.azure-native:subscriptionId: 5 is not valid", "Expected: a subscription's id"),
    ),
    "no topology": (
        changed(lambda d: d["config"].pop(KEY)),
        (f"config.{KEY}: is missing", "commented example"),
    ),
    "a topology of text": (changed(lambda d: d["config"].update({KEY: "{}"})), (f"config.{KEY}: is not a structured",)),
    "a key of the project misspelt": (
        changed(lambda d: d["config"].update({"livegang:topologi": {}})),
        ("config.livegang:topologi: unknown setting", f"Did you mean {KEY}?"),
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_everything_around_the_topology_is_validated_too(tmp_path: Path, kind: str) -> None:
    document, expected = WRONG[kind]
    (tmp_path / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ExpectedError) as caught:
        stack_file.check(STACK, tmp_path)
    message = str(caught.value)
    assert "Nothing was touched" in message
    assert all(part in message for part in expected), message


def test_the_topology_is_validated_as_in_the_program(tmp_path: Path) -> None:
    document = changed(lambda d: d["config"][KEY]["hosts"]["db01"].update(role="databse"))
    (tmp_path / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(
        ExpectedError, match=r"Pulumi\.rehearsal\.yaml: livegang:topology\.hosts\.db01\.role: 'databse'"
    ):
        stack_file.check(STACK, tmp_path)


def test_nothing_is_started_for_a_stack_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[str, ...]] = []
    monkeypatch.setattr(Pulumi, "run", lambda self, *arguments: started.append(arguments))
    with pytest.raises(ExpectedError, match="There is no stack smal ") as caught:
        infra_commands.bring_up("smal", yes=True)
    assert "Stacks: example, prod, rehearsal, small." in str(caught.value)
    assert started == []
