"""Files, directories, links, and what must not be there."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import Secret, State


@dataclass(frozen=True, kw_only=True)
class Directory(State):
    """A directory with this owner and mode; its contents are not looked at."""

    kind = "directory"
    path: str
    owner: str = "root"
    group: str = "root"
    mode: int = 0o755

    @property
    def name(self) -> str:
        return self.path


@dataclass(frozen=True, kw_only=True)
class File(State):
    """A regular file with exactly this content."""

    kind = "file"
    path: str
    content: tuple[str | Secret, ...]
    """Parts that are joined; a secret's value is filled in on the host and never shown."""
    owner: str = "root"
    group: str = "root"
    mode: int = 0o644
    check: tuple[str, ...] = ()
    """Command that validates the new content before it replaces the old; ``{}`` is replaced by the new file."""

    @property
    def name(self) -> str:
        return self.path


@dataclass(frozen=True, kw_only=True)
class Link(State):
    """A symbolic link."""

    kind = "link"
    path: str
    target: str

    @property
    def name(self) -> str:
        return self.path


@dataclass(frozen=True, kw_only=True)
class Absent(State):
    """A file or link that must not be there; a directory is never removed."""

    kind = "no file"
    path: str

    @property
    def name(self) -> str:
        return self.path
