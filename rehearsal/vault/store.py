"""Secrets on disk: one file per secret below the state folder, readable by its owner only."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rehearsal.base.handler import HandlerError
from rehearsal.keys.files import private_folder
from toolchain.files import write_atomically

NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
"""A secret's name as Key Vault allows it; nothing that could name a file elsewhere."""
LARGEST_VALUE = 25_600
"""Bytes; Key Vault's limit."""


@dataclass(frozen=True)
class Content:
    """What one version of a secret consists of."""

    value: str = field(repr=False)
    content_type: str | None = None
    enabled: bool = True
    not_before: int | None = None
    """Seconds since the epoch, before which it cannot be used."""
    expires: int | None = None
    """Seconds since the epoch."""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    name: str
    """The secret's name, as it was spelled first."""
    identifier: str
    """32 hexadecimal digits."""
    content: Content
    created: int
    """Seconds since the epoch."""
    updated: int


class SecretStore:
    """The secrets of all vaults of one rehearsal. Names are compared without regard to case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def put(self, vault: str, name: str, content: Content) -> Version:
        """Write a new version and return it; if the newest has the same content already, return that."""
        if not NAME.fullmatch(name):
            raise HandlerError(f"Secret name {name!r} is not valid in Key Vault: 1-127 letters, digits and hyphens.")
        if len(content.value.encode()) > LARGEST_VALUE:
            raise HandlerError(f"Secret {name} in vault {vault} is larger than Key Vault's {LARGEST_VALUE} bytes.")
        with self._lock:
            versions = self._read(vault, name)
            if versions and versions[-1].content == content:
                return versions[-1]
            now = int(time.time())
            spelled = versions[0].name if versions else name
            versions.append(Version(spelled, uuid.uuid4().hex, content, created=now, updated=now))
            self._write(vault, name, versions)
            return versions[-1]

    def versions(self, vault: str, name: str) -> list[Version]:
        """All versions, oldest first; none if there is no such secret."""
        if not NAME.fullmatch(name):
            return []
        with self._lock:
            return self._read(vault, name)

    def get(self, vault: str, name: str, version: str = "") -> Version | None:
        """The version with this identifier; the newest if it is empty."""
        versions = self.versions(vault, name)
        if not version:
            return versions[-1] if versions else None
        return next((found for found in versions if found.identifier == version), None)

    def newest(self, vault: str) -> list[Version]:
        """The newest version of each secret of a vault, by name."""
        folder = self._vault(vault)
        names = sorted(path.stem for path in folder.glob("[!.]*.json")) if folder.is_dir() else []
        return [found for name in names if (found := self.get(vault, name)) is not None]

    def delete(self, vault: str, name: str) -> None:
        """Purge all versions."""
        with self._lock:
            self._file(vault, name).unlink(missing_ok=True)

    def delete_vault(self, vault: str) -> None:
        with self._lock:
            if self._vault(vault).is_dir():
                shutil.rmtree(self._vault(vault))

    def _vault(self, vault: str) -> Path:
        if not NAME.fullmatch(vault):
            raise HandlerError(f"Vault name {vault!r} is not valid in Key Vault.")
        return self.folder / vault.lower()

    def _file(self, vault: str, name: str) -> Path:
        return self._vault(vault) / f"{name.lower()}.json"

    def _read(self, vault: str, name: str) -> list[Version]:
        path = self._file(vault, name)
        if not path.exists():
            return []
        stored = json.loads(path.read_bytes())
        return [replace(Version(**entry), content=Content(**entry["content"])) for entry in stored]

    def _write(self, vault: str, name: str, versions: list[Version]) -> None:
        private_folder(self.folder)
        private_folder(self._vault(vault))
        content = json.dumps([asdict(version) for version in versions], indent=1)
        write_atomically(self._file(vault, name), content.encode())
