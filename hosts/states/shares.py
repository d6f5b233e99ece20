"""Accounts that may use shares over SMB."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import Secret, State


@dataclass(frozen=True, kw_only=True)
class ShareUser(State):
    """A system account with a password of its own in Samba's database, enabled there."""

    kind = "share user"
    user: str
    password: Secret

    @property
    def name(self) -> str:
        return self.user
