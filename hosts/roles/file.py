"""The file host: its base only for now; shares and the place of backups come with their own issue."""

from __future__ import annotations

from hosts.roles.context import Context
from hosts.states import State


def states(context: Context) -> list[State]:
    """Nothing beside the base."""
    return []
