"""Whether an inventory is of what its stack file declares now, or of what it declared when it was last brought up."""

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
    """A short SHA-256 of each part of a topology, by key; equal for equal parts, however they are written."""
    parts = topology.model_dump(mode="json")
    return {
        key: hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16] for key, part in parts.items()
    }


def behind(inventory: Inventory, folder: Path = PROJECT) -> str | None:
    """Why the inventory is not that of the stack file as it is now, in one sentence; None when it is.

    An `up` that stopped half-way leaves the inventory of the one before: that is found here too.
    """
    file = folder / f"Pulumi.{inventory.stack}.yaml"
    remedy = f"fab infra.up --stack {inventory.stack}"
    if not inventory.declared:
        return f"it does not tell what it was made from: an older version brought it up ({remedy})"
    try:
        topology = Topology.model_validate(yaml.safe_load(file.read_text())["config"][KEY])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        return f"nothing can be compared with it: {file.name} cannot be read ({type(error).__name__}: {error})"
    except ValidationError as error:
        return f"nothing can be compared with it: {file.name} has {error.error_count()} mistakes; see `pulumi preview`"
    wanted = digests(topology)
    keys = sorted(
        key for key in wanted.keys() | inventory.declared.keys() if wanted.get(key) != inventory.declared.get(key)
    )
    if not keys:
        return None
    return f"{file.name} says otherwise since it came up, in {', '.join(keys)} ({remedy})"
