"""The report's text: the sentences that the page, the console and the JSON report share.

What a check says of its failure is the message of its assertion; what was not checked says why where it is found out.
"""

from __future__ import annotations

from collections import Counter

from console import counted
from verify.report.model import Result, Subjects, Verdict
from verify.report.root_causes import Cause

MOST_NAMES = 12


def out_of_reach(name: str, reason: str = "") -> str:
    """That a host or vantage point does not answer, and why."""
    return f"{name} is out of reach" + (f": {reason}" if reason else "")


def unreachable(cause: Cause) -> str:
    """Why an unreachable host was not checked."""
    behind = f" (and behind it {', '.join(cause.hidden_hosts)})" if cause.hidden_hosts else ""
    return f"out of reach: {cause.reason}{behind}"


def verdict_sentence(verdict: Verdict, failures: list[Cause], gaps: int) -> str:
    """The reason for the verdict, in one sentence."""
    if verdict is Verdict.GO:
        return "Every check of every host and endpoint passed."
    if verdict is Verdict.NOT_CHECKED:
        return f"{counted(gaps, 'thing')} not checked, so there is no verdict."
    number = len(grouped(failures))
    followers = len({id(result) for cause in failures for result in cause.consequences})
    sentence = counted(number, "cause")
    if followers:
        sentence += f", {counted(followers, 'further check')} failed because of {'it' if number == 1 else 'them'}"
    if gaps:
        sentence += f"; {counted(gaps, 'thing')} not checked"
    return sentence + "."


def grouped(causes: list[Cause]) -> list[list[Cause]]:
    """The causes, grouped where several subjects have the same one, e.g. a service that runs on no host."""
    groups: dict[object, list[Cause]] = {}
    for cause in causes:
        check = cause.result.check if cause.result else None
        key = (check.suite, check.component, check.title, cause.reason) if check else id(cause)
        groups.setdefault(key, []).append(cause)
    return list(groups.values())


def heading(group: list[Cause]) -> str:
    """One line for a group: ``db01, postgresql: PostgreSQL is down``, with the names of all its subjects."""
    first = group[0]
    if first.unreachable:
        return out_of_reach(first.subject, first.reason)
    return f"{_names([cause.subject for cause in group])}, {first.component}: {first.reason}"


def consequences(group: list[Cause], subjects: Subjects) -> list[str]:
    """What follows from a group of causes: each endpoint once, with its first failure, then how many other checks."""
    first: dict[str, Result] = {}
    followers = list({id(result): result for cause in group for result in cause.consequences}.values())
    for result in followers:
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
    shown = {id(result) for results in by_title.values() for result in results}
    rest = [result for result in followers if id(result) not in shown]
    if rest:
        places = Counter(result.check.subject for result in rest)
        lines.append(f"{counted(len(rest), 'further check')} on {_names(list(places))}")
    if hidden := [name for cause in group for name in cause.hidden_hosts]:
        lines.append(f"out of reach behind it: {_names(hidden)}")
    return lines


def _common(results: list[Result]) -> str:
    """The reason that several results share; if they differ, the first as an example."""
    reasons = {result.reason for result in results}
    example = results[0].reason
    return example if len(reasons) == 1 else f"{results[0].check.title} fails, e.g. {example}"


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"
