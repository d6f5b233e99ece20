"""What changes between the old inputs and the new, as the real provider reports it.

Written after pulumi-azure-native's provider/pkg/provider/diff.go and provider.go (read at commits 2024-2026):

- old inputs are compared with new inputs; a change of a path parameter (the resource's own name, its parents,
  its resource group) or of a property of forceNewMap (provider/pkg/gen/replacement.go) is a replacement;
- letter case is ignored in ``resourceGroupName``, and case and spaces in a top-level ``location``; of an ARM id only
  the part up to the provider's namespace is compared without case (pull request 2993), the rest with it;
- a replacement deletes first, unless the name was made by the provider;
- arrays that the API description marks with ``x-ms-identifiers`` are compared by key, all others by position.

One deviation, in what is shown and not in what is done: Azure's network API (2024-05-01) marks no array, so the
real provider shows a security rule taken from the middle of a list as a change of each rule after it. Here every
array whose items all have a distinct ``name`` is compared by it: a removed rule shows as one removed rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from rehearsal.provider.values import UNKNOWN, Properties

Operation = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Change:
    """One changed property."""

    path: str
    """Full path, e.g. ``securityRules[2].priority``; the position of a removed item is its old one."""
    operation: Operation
    old: Any = None
    new: Any = None
    replaces: bool = False

    @property
    def generic_path(self) -> str:
        """The path without array positions: ``securityRules[].priority``."""
        return re.sub(r"\[\d+\]", "[]", self.path)


@dataclass
class Diff:
    changes: list[Change] = field(default_factory=list)
    delete_before_replace: bool = False

    @property
    def replaces(self) -> list[str]:
        return [change.path for change in self.changes if change.replaces]

    @property
    def top_level(self) -> list[str]:
        """Names of the top-level properties that change."""
        return sorted({re.split(r"[.\[]", change.path)[0] for change in self.changes})


def compare(old: Properties, new: Properties, replacing: frozenset[str]) -> Diff:
    """The differences between plain inputs; ``replacing`` are the generic paths whose change replaces."""
    changes = [
        Change(c.path, c.operation, c.old, c.new, _replaces(c, replacing))
        for c in _compare_objects(old, new, "")
        if not _equal_ignoring_case(c)
    ]
    diff = Diff(changes)
    created_first = old.get("__createBeforeDelete")
    diff.delete_before_replace = not created_first if isinstance(created_first, bool) else bool(diff.replaces)
    return diff


def _replaces(change: Change, replacing: frozenset[str]) -> bool:
    path = change.generic_path
    if path in replacing:
        return True
    # A replacing object replaces when something inside it is updated; what is added or taken away inside does not.
    ends = [match.start() for match in re.finditer(r"\.|\[\]", path)]
    return change.operation == "update" and any(path[:end] in replacing for end in ends)


def _compare_objects(old: Properties, new: Properties, path: str) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name.startswith("__"):
            continue
        here = f"{path}.{name}" if path else name
        before, after = old.get(name), new.get(name)
        if before is None and after is not None:
            yield Change(here, "add", None, after)
        elif before is not None and after is None:
            yield Change(here, "delete", before, None)
        elif before is not None:
            yield from compare_values(before, after, here)


def compare_values(old: Any, new: Any, path: str) -> Iterator[Change]:
    """The differences between two values that are both present."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _compare_objects(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _compare_arrays(old, new, path)
    elif new is UNKNOWN or not same(old, new):
        yield Change(path, "update", old, new)


def _compare_arrays(old: list[Any], new: list[Any], path: str) -> Iterator[Change]:
    old_keys, new_keys = keys(old), keys(new)
    if old_keys is None or new_keys is None:
        # By position.
        old_keys, new_keys = [str(n) for n in range(len(old))], [str(n) for n in range(len(new))]
    before = dict(zip(old_keys, enumerate(old), strict=True))
    after = dict(zip(new_keys, enumerate(new), strict=True))
    for key, (index, item) in before.items():
        if key not in after:
            yield Change(f"{path}[{index}]", "delete", item, None)
    for key, (index, item) in after.items():
        if key in before:
            yield from compare_values(before[key][1], item, f"{path}[{index}]")
        else:
            yield Change(f"{path}[{index}]", "add", None, item)


def keys(items: list[Any]) -> list[str] | None:
    """The items' names if each item is an object with a name of its own, else None."""
    names = [item.get("name") if isinstance(item, dict) else None for item in items]
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == len(items) and len(set(texts)) == len(items) else None


_ID = re.compile(r"^(/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+/)(.*)$", re.IGNORECASE | re.DOTALL)


def same(old: Any, new: Any) -> bool:
    """Whether two plain values are equal in the real provider's eyes."""
    if isinstance(old, str) and isinstance(new, str):
        before, after = _ID.match(old), _ID.match(new)
        if before and after:
            return before[1].lower() == after[1].lower() and before[2] == after[2]
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _equal_ignoring_case(change: Change) -> bool:
    if not (isinstance(change.old, str) and isinstance(change.new, str)):
        return False
    if change.path == "resourceGroupName":
        return change.old.lower() == change.new.lower()
    if change.path == "location":
        return normal_location(change.old) == normal_location(change.new)
    return False


def normal_location(location: str) -> str:
    """``"West Europe"`` and ``westeurope`` are the same place."""
    return location.lower().replace(" ", "")
