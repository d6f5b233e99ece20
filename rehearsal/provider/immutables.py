"""What Azure refuses to change on a resource that exists, or changes only under a condition.

The real provider previews these changes as harmless updates, and only the running deployment fails
(pulumi-azure-native issue 577). The stand-in refuses them in the preview already, when the engine asks to preview
the update. So a change that the engine turns into a replacement (`--target-replace`, `replace_on_changes`) passes.

immutables.json holds one row a property, with its source: issue threads, and what azurerm replaces (ForceNew) or
deallocates for. Where the source does not have ARM's error code, the row gives the likely one, not `verified`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rehearsal.provider.diff import compare_values, normal_location
from rehearsal.provider.values import Properties, is_known, look

Effect = Literal["refused", "deallocate", "reboot", "grow-only", "one-way", "in-use"]

_FILE = Path(__file__).with_name("immutables.json")


@dataclass(frozen=True)
class Row:
    """One property that does not change freely."""

    type: str
    path: str
    effect: Effect
    code: str | None
    verified: bool
    note: str
    source: str

    @property
    def code_told(self) -> str:
        if self.code is None:
            return "Azure's error code is not known"
        return self.code if self.verified else f"{self.code}, the code is not verified"


@cache
def rows() -> tuple[Row, ...]:
    """The committed table."""
    return tuple(Row(**row) for row in json.loads(_FILE.read_text(encoding="utf-8")))


def refusals(
    token: str, old: Properties, new: Properties, outputs: Properties, in_use: Callable[[], list[str]]
) -> list[str]:
    """Why Azure would refuse to change a resource's plain inputs so; a sentence a property, none if it would not.

    What the old inputs left to Azure is looked up in the ``outputs`` of the state; what is not known yet is let
    pass. ``in_use`` names the resources that use this one.
    """
    found: list[str] = []
    for row, before, after in _changed(token, old, new, outputs):
        users = in_use() if row.effect == "in-use" else []
        if _applies(row, before, after, users):
            found.append(_sentence(row, users))
    return found


def restarts(token: str, old: Properties, new: Properties, outputs: Properties) -> list[str]:
    """Changed paths for which Azure restarts the machine."""
    return [row.path for row, _, _ in _changed(token, old, new, outputs) if row.effect == "reboot"]


def _changed(token: str, old: Properties, new: Properties, outputs: Properties) -> Iterator[tuple[Row, object, object]]:
    for row in rows():
        if row.type != token:
            continue
        before, after = look(old, row.path), look(new, row.path)
        if before is None and after is None:
            continue
        if before is None:
            before = look(outputs, row.path)
        if row.path == "location" and isinstance(before, str) and isinstance(after, str):
            before, after = normal_location(before), normal_location(after)
        if is_known(after) and any(compare_values(before, after, row.path)):
            yield row, before, after


def _applies(row: Row, before: object, after: object, users: list[str]) -> bool:
    match row.effect:
        case "reboot":
            return False
        case "in-use":
            return bool(users)
        case "grow-only":
            return isinstance(before, int) and isinstance(after, int) and after < before
        case "one-way":
            # To set it is allowed; to take it back is not.
            if isinstance(before, bool) or isinstance(after, bool):
                return before is True and after is False
            return before is not None and after is None
        case "refused" if row.path == "properties.softDeleteRetentionInDays":
            return before is not None and after is not None
    return True


def _sentence(row: Row, users: list[str]) -> str:
    note = f": {row.note}" if row.note else ""
    if row.effect == "deallocate":
        why = f"Azure changes this only while the machine is deallocated ({row.code_told}){note}"
        cure = "Deallocate it first, or replace it on purpose: pulumi up --target-replace URN"
    elif row.effect == "in-use":
        why = f"Azure does not change this ({row.code_told}){note}; used by {', '.join(users)}"
        cure = "Take those out of it first"
    elif row.effect in ("grow-only", "one-way"):
        why = f"Azure refuses this change ({row.code_told}){note}"
        cure = "Undo the change, or replace the resource on purpose: pulumi up --target-replace URN"
    else:
        why = f"Azure does not change this on a resource that exists ({row.code_told}){note}"
        cure = "Undo the change, or replace the resource on purpose: pulumi up --target-replace URN"
    return f"{row.path}: {why}. {cure}. Source: {row.source}."
