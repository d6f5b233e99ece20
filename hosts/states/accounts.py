"""Groups and users."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class Group(State):
    """A system group."""

    kind = "group"
    group: str

    @property
    def name(self) -> str:
        return self.group


@dataclass(frozen=True, kw_only=True)
class User(State):
    """A user account without a password."""

    kind = "user"
    user: str
    group: str | None = None
    """Primary group; None leaves it as it is (a new user gets one of its own name)."""
    groups: tuple[str, ...] = ()
    """Groups the user belongs to besides others it may have."""
    home: str | None = None
    """Home directory; None leaves it as it is."""
    shell: str = "/usr/sbin/nologin"
    system: bool = True

    @property
    def name(self) -> str:
        return self.user
