"""The file host: the areas' documents, and the database backups, on its data disk."""

from __future__ import annotations

from hosts.roles import backups, shares
from hosts.roles.context import Context
from hosts.roles.database import DATA as DATABASE
from hosts.states import State
from landscape.names import FILES_MOUNT


def states(context: Context) -> list[State]:
    """Shares over SMB, and pgBackRest's repository."""
    return [*shares.states(context), *backups.repository(context, FILES_MOUNT, DATABASE)]
