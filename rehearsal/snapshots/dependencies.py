"""What a snapshot depends on and does not hold: the landscape's resources, its secrets, and the hosts' image.

Pulumi's state, the vault and the network stay as they are at a reset. They must therefore be what they were when the
snapshot was taken, otherwise hosts would come back that no stack declares, or that know an old password.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.base.records import Record, Records
from rehearsal.base.settings import Settings
from rehearsal.vault.store import SecretStore

MOST_KEYS = 4
"""Changed properties that are named of one resource."""


@dataclass(frozen=True)
class SnapshotDependencies:
    """As JSON in a snapshot; nothing secret is in it."""

    image: str
    """Folder of the image that the hosts' roots lie on."""
    resources: dict[str, dict[str, Any]]
    """Type and properties by ARM id in lower case."""
    secrets: dict[str, str]
    """The newest version's identifier by ``vault/name``."""

    @classmethod
    def of(cls, settings: Settings, records: Records, image: Path) -> SnapshotDependencies:
        """The landscape as it is now."""
        resources = {record.id.lower(): _resource(record) for record in records.all()}
        return cls(str(image), resources, dict(_secrets(SecretStore(settings.vault))))

    def differences(self, now: SnapshotDependencies) -> list[str]:
        """What is not any more as it is here, a line each; empty when a reset brings back what is declared."""
        lines = []
        if self.image != now.image:
            lines.append(f"the hosts' image: {Path(self.image).parent.name} then, {Path(now.image).parent.name} now")
        for identifier in sorted(self.resources.keys() | now.resources.keys()):
            before, after = self.resources.get(identifier), now.resources.get(identifier)
            if before == after:
                continue
            kind = _kind(str((before or after or {})["type"]))
            name = identifier.rsplit("/", 1)[-1]
            if before is None:
                lines.append(f"{kind} {name}: made since")
            elif after is None:
                lines.append(f"{kind} {name}: removed since")
            else:
                lines.append(f"{kind} {name}: changed since ({_keys(before['properties'], after['properties'])})")
        for name in sorted(self.secrets.keys() | now.secrets.keys()):
            if self.secrets.get(name) != now.secrets.get(name):
                how = "removed" if name not in now.secrets else "made" if name not in self.secrets else "renewed"
                lines.append(f"secret {name}: {how} since")
        return lines


def _resource(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps({"type": record.type, "properties": record.properties}))
    return found


def _secrets(store: SecretStore) -> Iterator[tuple[str, str]]:
    vaults = sorted(path.name for path in store.folder.glob("[!.]*/")) if store.folder.is_dir() else []
    for vault in vaults:
        for version in store.newest(vault):
            yield f"{vault}/{version.name}", version.identifier


def _kind(token: str) -> str:
    return token.rsplit(":", 1)[-1]


def _keys(before: Any, after: Any) -> str:
    changed = list(_changed(before, after, ""))
    return ", ".join(changed[:MOST_KEYS]) + (
        f" and {len(changed) - MOST_KEYS} more" if len(changed) > MOST_KEYS else ""
    )


def _changed(before: Any, after: Any, path: str) -> Iterator[str]:
    """Paths of what differs, as deep as both sides are objects."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield path
        return
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield from _changed(before.get(key), after.get(key), f"{path}.{key}" if path else key)
