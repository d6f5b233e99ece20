"""Reading a stack's inventory from its outputs."""

from __future__ import annotations

import json
import subprocess

from pydantic import ValidationError

from infra.inventory.model import Inventory, InventoryError
from infra.stack.pulumi_cli import pulumi_executable
from toolchain.folders import PROJECT


def load(stack: str) -> Inventory:
    """Read the inventory from the stack's outputs with the `pulumi` command.

    Raises InventoryError if the stack does not exist, was never brought up, or was brought up by a version of this
    toolkit whose inventory does not fit this one.
    """
    # Exported as a secret although it holds none: see infra/inventory/export.py.
    command = [pulumi_executable(), "stack", "output", "inventory", "--json", "--show-secrets"]
    try:
        result = subprocess.run(
            [*command, "--stack", stack, "--cwd", str(PROJECT)], capture_output=True, text=True, check=True
        )
    except FileNotFoundError:
        raise InventoryError("There is no `pulumi` on PATH. Activate the environment: . .venv/bin/activate") from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().removeprefix("error: ")
        raise InventoryError(
            f"Stack {stack} has no inventory: {reason}.", hint=f"Bring it up: fab infra.up --stack {stack}"
        ) from error
    return parse(json.loads(result.stdout), stack)


def parse(document: object, stack: str) -> Inventory:
    """Validate an exported inventory; ``stack`` names it in errors."""
    try:
        return Inventory.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in first["loc"])
        raise InventoryError(
            f"The inventory of stack {stack} does not fit this version of Livegang at {path}: {first['msg']}.",
            hint=f"Bring the stack up with this version: fab infra.up --stack {stack}",
        ) from error
