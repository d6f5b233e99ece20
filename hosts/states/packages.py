"""Debian packages."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class Package(State):
    """An installed Debian package, in whatever version the sources give.

    All missing packages of a host are installed by one `apt-get`, without recommended ones, once what any of
    them needs is there.
    """

    kind = "package"
    package: str

    @property
    def name(self) -> str:
        return self.package
