"""Whether an inventory matches its stack file as it is now, or only as it was when the stack was last brought up."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import yaml
from pydantic import ValidationError

from infra.inventory.model import Inventory
from infra.stack.topology import KEY, Topology
from toolchain.folders import PROJECT


def digests(topology: Topology) -> dict[str, str]:
    """A short SHA-256 of each part of a topology, by key. Equal parts have equal digests, however they are written."""
    parts = topology.model_dump(mode="json")
    return {
        key: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16] for key, part in parts.items()
    }


def behind(inventory: Inventory, folder: Path = PROJECT) -> str | None:
    """Why the inventory does not match the stack file as it is now, in one sentence; None if it does.

    After an `up` that failed half-way, the inventory is still that of the previous one: this finds that too.
    """
    file = folder / f"Pulumi.{inventory.stack}.yaml"
    remedy = f"fab infra.up --stack {inventory.stack}"
    if not inventory.declared:
        return f"it does not say what it was made from: an older version brought the stack up ({remedy})"
    try:
        topology = Topology.model_validate(yaml.safe_load(file.read_text())["config"][KEY])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        return f"it cannot be compared: {file.name} cannot be read ({type(error).__name__}: {error})"
    except ValidationError as error:
        return f"it cannot be compared: {file.name} has {error.error_count()} mistakes; see `pulumi preview`"
    wanted = digests(topology)
    keys = sorted(
        key for key in wanted.keys() | inventory.declared.keys() if wanted.get(key) != inventory.declared.get(key)
    )
    if not keys:
        return None
    return f"{file.name} has changed since the stack came up: {', '.join(keys)} ({remedy})"
