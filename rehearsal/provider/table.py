"""What the stand-in makes real, type by type, as a Markdown table: `python -m rehearsal.provider.table`."""

from __future__ import annotations

from rehearsal.provider import immutables, schema
from rehearsal.provider.types import TYPES

HEAD = "| type | API | real | not modelled | refused to change |\n|---|---|---|---|---|"


def render() -> str:
    """The table; one row a supported type."""
    return "\n".join([HEAD, *(_row(token) for token in sorted(TYPES))])


def _row(token: str) -> str:
    kind = TYPES[token]
    refused = [f"`{row.path}`" for row in immutables.rows() if row.type == token and row.effect != "reboot"]
    cells = [
        f"`{token.removeprefix('azure-native:')}`",
        schema.resource(token)["api"],
        kind.real or "Recorded only.",
        kind.not_modelled or "-",
        ", ".join(refused) or "-",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(render())
