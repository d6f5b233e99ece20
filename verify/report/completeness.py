"""Whether a run had everything to look at: checks that were never collected, and checks with nothing to check.

A suite counts as part of a run once one of its tests was collected. That is not enough for GO: a function that an
option left out, or that a second one of the same name hides, or whose parameters are empty, proves nothing and is
missed by nobody.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from verify.report.model import Gap, Subjects


def name_of(item: pytest.Item) -> str:
    """The function's name, without parameters."""
    return str(getattr(item, "originalname", None) or item.name)


def is_empty(item: pytest.Item) -> bool:
    """A parameter set without members, e.g. no host of a role in this landscape."""
    callspec = getattr(item, "callspec", None)
    # pytest stands a value of a type of its own in for the members that there are none of.
    return callspec is not None and any(type(value).__name__ == "NotSetType" for value in callspec.params.values())


def uncollected(items: Iterable[pytest.Item]) -> list[Gap]:
    """Test functions that stand in the collected suites' files, but were not collected, or are hidden by another."""
    collected: dict[Path, set[str]] = {}
    for item in items:
        collected.setdefault(item.path, set()).add(name_of(item))
    gaps = []
    for path, names in collected.items():
        written = Counter(
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        )
        suite = path.stem.removeprefix("test_")
        if missing := [name for name in written if name not in names]:
            gaps.append(Gap(f"suite {suite}", f"not collected: {', '.join(missing)}"))
        if hidden := [name for name, times in written.items() if times > 1]:
            gaps.append(Gap(f"suite {suite}", f"hidden by another check of the same name: {', '.join(hidden)}"))
    return gaps


def without_anything(items: Iterable[pytest.Item], subjects: Subjects) -> list[Gap]:
    """Functions whose parameters are all empty although their suite has something to look at in this landscape.

    What a check is for may be missing from a landscape on purpose: its marker names these roles (``only_with``).
    """
    roles = set(subjects.hosts.values())
    wanted = set().union(*subjects.required.values()) if subjects.required else None
    full: set[tuple[Path, str]] = set()
    empty: dict[tuple[Path, str], pytest.Item] = {}
    for item in items:
        key = (item.path, name_of(item))
        if is_empty(item):
            empty[key] = item
        else:
            full.add(key)
    gaps = []
    for key, item in empty.items():
        suite = item.path.stem.removeprefix("test_")
        marker = item.get_closest_marker("check")
        only_with = set(marker.kwargs["only_with"]) if marker else set()
        if key in full or (wanted is not None and suite not in wanted) or only_with - roles:
            continue
        gaps.append(Gap(f"suite {suite}", f"{key[1].removeprefix('test_').replace('_', ' ')}: it has nothing to check"))
    return gaps
