"""The stacks of the clone, as their files hold them."""

from __future__ import annotations

from typing import Any

import yaml

from infra.stack.topology import KEY
from toolchain.folders import PROJECT

STACKS = ("rehearsal", "prod", "small", "example")


def topology(stack: str) -> dict[str, Any]:
    """The value of ``livegang:topology`` in a stack's file, not validated."""
    document = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["config"][KEY]
    return found
