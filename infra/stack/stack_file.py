"""Stack files: read and validated before Pulumi starts, which would report mistakes later and in more lines.

The program validates the topology again, since `pulumi` typed by hand does not pass through here.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from console import ExpectedError
from console.documents import read_yaml
from console.validation import Mistake, nearest, shown
from infra.stack.errors import TopologyError
from infra.stack.loading import load
from infra.stack.topology import KEY, Topology
from toolchain.folders import PROJECT

TOP_LEVEL = ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment")
"""The keys that Pulumi itself knows in a stack file. It ignores any other, even a misspelt `config`."""
REQUIRED = {
    "azure-native:location": (re.compile(r"[a-z0-9]+"), "a region such as germanywestcentral"),
    "azure-native:subscriptionId": (
        re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        "a subscription's id, e.g. 11111111-2222-4333-8444-555555555555",
    ),
}
EXAMPLE = "See Pulumi.rehearsal.yaml for a commented example."


def stacks(project: Path = PROJECT) -> list[str]:
    """The names of all stacks that have a file."""
    return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in project.glob("Pulumi.*.yaml"))


def read(stack: str, project: Path = PROJECT) -> dict[str, Any]:
    """A stack's file as it is. Raises ExpectedError if there is none, or if it has no keys at all."""
    file = project / f"Pulumi.{stack}.yaml"
    try:
        document = read_yaml(file)
    except FileNotFoundError:
        raise ExpectedError(
            f"There is no stack {stack} ({file}).", hint=f"Stacks: {', '.join(stacks(project))}."
        ) from None
    if not isinstance(document, dict):
        what = "is empty" if document is None else f"has no keys, only {shown(document)}"
        raise ExpectedError(f"{file} {what}.", hint=EXAMPLE)
    return document


def check(stack: str, project: Path = PROJECT) -> Topology:
    """The stack's topology, validated. Raises ExpectedError with everything that is wrong with its file."""
    return load(read_valid(stack, project)["config"][KEY], stack, project)


def read_valid(stack: str, project: Path = PROJECT) -> dict[str, Any]:
    """A stack's file in which everything but the topology has been validated. Raises ExpectedError."""
    document = read(stack, project)
    mistakes = [
        Mistake((str(key),), "unknown setting", nearest(str(key), TOP_LEVEL))
        for key in document
        if key not in TOP_LEVEL
    ]
    config = document.get("config")
    if not isinstance(config, dict):
        problem = "is missing" if config is None else f"{shown(config)} is not a map"
        mistakes.append(Mistake(("config",), problem, EXAMPLE))
        raise TopologyError(f"Pulumi.{stack}.yaml", "", mistakes)
    for key, (form, right) in REQUIRED.items():
        value = config.get(key)
        if value is None:
            mistakes.append(Mistake(("config", key), "is missing", f"Expected: {right}."))
        elif not isinstance(value, str) or not form.fullmatch(value):
            mistakes.append(Mistake(("config", key), f"{shown(value)} is not valid", f"Expected: {right}."))
    project_keys = [str(key) for key in config if str(key).startswith("livegang:")]
    mistakes += [Mistake(("config", key), "unknown setting", nearest(key, [KEY])) for key in project_keys if key != KEY]
    if not isinstance(config.get(KEY), dict):
        problem = "is missing" if config.get(KEY) is None else "is not a structured value"
        mistakes.append(Mistake(("config", KEY), problem, EXAMPLE))
    if mistakes:
        raise TopologyError(f"Pulumi.{stack}.yaml", "", mistakes)
    return document
