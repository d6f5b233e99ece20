"""What a role is written from: one host, the inventory it belongs to, and the components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from console import ExpectedError
from hosts.components.manifest import Manifest
from hosts.roles.rendering import render
from hosts.states import File, Secret
from infra.inventory.model import Host, Inventory

HEADER = "# Written by Livegang (fab hosts.converge). Changes made here by hand are undone by the next run."


@dataclass(frozen=True)
class Context:
    """One host and its surroundings."""

    host: Host
    inventory: Inventory
    components: Sequence[Manifest]

    @property
    def management(self) -> Host:
        """The management host: package mirror and time server of all others."""
        return self.only("management")

    @property
    def databases(self) -> list[Host]:
        """The database hosts: the first by name is the primary, the others are its standbys."""
        return self.inventory.hosts_of("database")

    @property
    def primary(self) -> Host:
        """The database host that accepts writes."""
        if not self.databases:
            raise ExpectedError(f"Stack {self.inventory.stack} has no database host.")
        return self.databases[0]

    def only(self, role: str) -> Host:
        """The one host of a role that a landscape has once."""
        found = self.inventory.hosts_of(role)
        if len(found) != 1:
            raise ExpectedError(f"Stack {self.inventory.stack} has {len(found)} {role} hosts; exactly one is needed.")
        return found[0]

    def template(
        self,
        path: str,
        template: str,
        *,
        owner: str = "root",
        group: str = "root",
        mode: int = 0o644,
        check: tuple[str, ...] = (),
        needs: tuple[str, ...] = (),
        **variables: Any,
    ) -> File:
        """A file from a template, which sees the host, the inventory, and what else is given."""
        content = render(template, header=HEADER, host=self.host, inventory=self.inventory, **variables)
        return File(path=path, content=content, owner=owner, group=group, mode=mode, check=check, needs=needs)


def text(path: str, *content: str | Secret, **fields: Any) -> File:
    """A short file, written where it is used."""
    return File(path=path, content=content, **fields)
