"""The file host: the areas' documents, and the database backups, on its data disk."""

from __future__ import annotations

from hosts.roles import shares
from hosts.roles.context import Context
from hosts.states import State


def states(context: Context) -> list[State]:
    """Shares over SMB."""
    return shares.states(context)
