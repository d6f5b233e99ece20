"""The tables of docs/what-the-rehearsal-does-not-model.md: what the stand-in makes real and what not, by type."""

from __future__ import annotations

from rehearsal.provider import immutables, schema
from rehearsal.provider.types import TYPES
from toolchain.folders import PROJECT

PAGE = PROJECT / "docs" / "what-the-rehearsal-does-not-model.md"

BEGIN = "<!-- From here to the end mark: written by `python -m rehearsal.provider.generate` -->"
END = "<!-- end mark -->"

_CONDITIONS = {
    "refused": "",
    "deallocate": "while it runs",
    "grow-only": "to less",
    "one-way": "back",
    "in-use": "while others use it",
}
"""What is shown after a property that Azure refuses to change only under a condition."""


def render() -> str:
    """Two tables, one row per type: what is real and what is not; what Azure refuses to change."""
    return "\n".join(
        [
            "| type | API | what is real | what is not modelled |",
            "|---|---|---|---|",
            *(_modelled(token) for token in sorted(TYPES)),
            "",
            "| type | refused to change on one that exists, in the preview already |",
            "|---|---|",
            *(f"| `{_short(token)}` | {refused} |" for token in sorted(TYPES) if (refused := _refused(token))),
        ]
    )


def written(page: str) -> str:
    """The page with its tables as they should be.

    Raises:
        ValueError: the marks are missing, so there is no place for the tables.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks one of the marks between which its tables go: {BEGIN} … {END}")
    return f"{head}{BEGIN}\n\n{render()}\n\n{END}{tail}"


def _modelled(token: str) -> str:
    kind = TYPES[token]
    api = schema.resource(token)["api"]
    return f"| `{_short(token)}` | {api} | {kind.real or 'Recorded only.'} | {kind.not_modelled or '-'} |"


def _refused(token: str) -> str:
    rows = [row for row in immutables.rows() if row.type == token and row.effect in _CONDITIONS]
    return ", ".join(f"`{row.path}` {_CONDITIONS[row.effect]}".rstrip() for row in rows)


def _short(token: str) -> str:
    return token.removeprefix("azure-native:")
