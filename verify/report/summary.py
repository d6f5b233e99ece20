"""A cause and its consequences in a few lines, the same on the console and in the report."""

from __future__ import annotations

from collections import Counter

from verify.report.causes import Cause
from verify.report.model import Result, Subjects

MOST_NAMES = 12


def consequences(cause: Cause, subjects: Subjects) -> list[str]:
    """What follows from a cause: each endpoint once with what happens to it first, then the number of all others."""
    first: dict[str, Result] = {}
    for result in cause.consequences:
        if result.check.subject in subjects.endpoints:
            first.setdefault(result.check.subject, result)
    by_title: dict[str, list[Result]] = {}
    for result in first.values():
        by_title.setdefault(result.check.title, []).append(result)
    lines = []
    for results in by_title.values():
        names = [result.check.subject for result in results]
        kind = "endpoint" if len(names) == 1 else f"{len(names)} endpoints"
        lines.append(f"{kind} {_names(names)}: {_common(results)}")
    told = {id(result) for results in by_title.values() for result in results}
    rest = [result for result in cause.consequences if id(result) not in told]
    if rest:
        places = Counter(result.check.subject for result in rest)
        lines.append(f"{len(rest)} further check{'s' if len(rest) > 1 else ''} on {_names(list(places))}")
    if cause.hidden_hosts:
        lines.append(f"out of reach behind it: {_names(cause.hidden_hosts)}")
    return lines


def _common(results: list[Result]) -> str:
    """The reason that several results share, else that of the first as an example."""
    reasons = {result.reason for result in results}
    example = results[0].reason
    return example if len(reasons) == 1 else f"{results[0].check.title} fails, e.g. {example}"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
