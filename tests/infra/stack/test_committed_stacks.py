"""The two stacks of the move differ in values only, and the handbook names each difference."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from toolchain.folders import PROJECT

NAMED = ("hosts", "endpoints")
"""Maps whose keys are names that the landscape chooses: in the handbook, `hosts.*.size`."""


def configuration(stack: str) -> dict[str, Any]:
    document = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))["config"]
    topology: dict[str, Any] = document.pop("livegang:topology")
    return {**topology, **document}


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        yield path
        return
    for key in sorted(set(one) | set(other)):
        if one.get(key) != other.get(key):
            step = "*" if path in NAMED else key
            yield from differences(one.get(key), other.get(key), f"{path}.{step}" if path else key)


def test_the_handbook_names_every_difference_between_rehearsal_and_production() -> None:
    page = (PROJECT / "docs" / "from-rehearsal-to-azure.md").read_text(encoding="utf-8")
    section = page.partition("## Every difference between the two stacks")[2].partition("\n## ")[0]
    first_cells = "".join(line.split("|")[1] for line in section.splitlines() if line.startswith("|"))
    named = re.findall(r"`([^`]+)`", first_cells)
    found = set(differences(configuration("rehearsal"), configuration("prod")))
    assert [path for path in sorted(found) if not any(f"{path}.".startswith(f"{key}.") for key in named)] == []
    assert [key for key in named if not any(f"{path}.".startswith(f"{key}.") for path in found)] == []
