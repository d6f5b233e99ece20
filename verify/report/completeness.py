"""Finds what a run silently lacks: missing suites, checks that were not collected, checks with nothing to check.

A suite counts as part of a run once one of its tests was collected. That is not enough for GO: a function that an
option left out, that a second one of the same name hides, or whose parameters are empty proves nothing, and pytest
does not mention it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from verify.report.check_marker import not_applicable
from verify.report.model import Gap, Subjects


def name_of(item: pytest.Item) -> str:
    """A test's function name, without parameters."""
    return str(getattr(item, "originalname", None) or item.name)


def without_file(subjects: Subjects, suites: set[str]) -> list[Gap]:
    """Suites that a host or endpoint requires, but that no file of this run's folder holds."""
    missing: dict[str, list[str]] = {}
    for subject, required in subjects.required.items():
        for suite in required - suites:
            missing.setdefault(suite, []).append(subject)
    return [
        Gap(f"suite {suite}", f"required for {', '.join(names)}, but there is no file test_{suite}.py")
        for suite, names in sorted(missing.items())
    ]


def uncollected(items: Iterable[pytest.Item]) -> list[Gap]:
    """Test functions in the collected suites' files that were not collected, or that another of their name hides."""
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
    """Test functions whose parameters are all empty although this landscape requires their suite.

    A landscape may lack what a check is about on purpose: then its marker says so (``applies``).
    """
    wanted: set[str] = set().union(*subjects.required.values())
    functions: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        functions.setdefault((item.path, name_of(item)), []).append(item)
    gaps = []
    for (path, name), found in functions.items():
        suite = path.stem.removeprefix("test_")
        marker = found[0].get_closest_marker("check")
        applies = marker is None or marker.kwargs["applies"]
        if suite in wanted and applies and all(map(not_applicable, found)):
            gaps.append(
                Gap(f"suite {suite}", f"{name.removeprefix('test_').replace('_', ' ')}: it has nothing to check")
            )
    return gaps
