"""A component's archive."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State

CURRENT = "current version"
"""How a difference begins that concerns the link only, and can be fixed without the archive."""


@dataclass(frozen=True, kw_only=True)
class Archive(State):
    """A tar archive unpacked below a folder of its version, with a link ``current`` that points to it.

    The archive comes from the operator's side over the same connection, and only when it is missing here. It is
    unpacked only if its checksum is right. Files that were edited, added or removed afterwards are seen.
    """

    kind = "archive"
    component: str
    version: str
    file: str
    """Name of the file in the artifact folder."""
    sha256: str
    target: str
    """Folder of the component: ``TARGET/COMPONENT-VERSION/`` and ``TARGET/current``."""

    @property
    def name(self) -> str:
        return f"{self.component} {self.version}"

    @property
    def folder(self) -> str:
        return f"{self.target}/{self.component}-{self.version}"
