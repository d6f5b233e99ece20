"""Database backups with pgBackRest, on the host that keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class BackupStanza(State):
    """A stanza (pgBackRest's word for one database and its copies) that takes the archive, and has a backup.

    The first backup is made here, so that there is none of the hours before the first timer without one.
    """

    kind = "backup stanza"
    stanza: str
    user: str
    """Account that owns the repository."""
    configuration: str
    """pgBackRest's configuration file."""
    primary_host: str
    """When the operator's side learns that it failed, the wait for it ends at once."""
    deadline: int = 300
    """Seconds to wait for a primary that archives to here."""

    @property
    def name(self) -> str:
        return self.stanza
