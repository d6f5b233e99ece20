"""The vaults of one rehearsal, and who may read them: what both the REST interface and the gateway read from."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rehearsal.base.records import Record
from rehearsal.base.world import World
from rehearsal.vault.role_assignments import GET_SECRET, allowed
from rehearsal.vault.store import Content, SecretStore, Version
from rehearsal.vault.tokens import Signer

RESOURCE = "https://vault.azure.net"
"""What a token must be for."""
DOMAIN = "vault.azure.net"


class AccessRefused(Exception):
    """Key Vault's answer to a request that it does not grant, with its HTTP status."""

    def __init__(self, status: int, code: str, message: str, inner: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner


@dataclass(frozen=True)
class SecretUri:
    """The parts of ``https://{vault}.vault.azure.net/secrets/{name}[/{version}]``."""

    vault: str
    name: str
    version: str

    @classmethod
    def parse(cls, uri: str) -> SecretUri:
        """Raises ValueError if it is not a secret's address."""
        parts = urlsplit(uri)
        segments = parts.path.strip("/").split("/")
        vault, _, domain = (parts.hostname or "").partition(".")
        if parts.scheme != "https" or domain != DOMAIN or segments[0] != "secrets" or len(segments) not in (2, 3):
            raise ValueError(f"{uri!r} is not the address of a Key Vault secret")
        return cls(vault, segments[1], segments[2] if len(segments) == 3 else "")


class VaultService:
    """All vaults of one rehearsal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = SecretStore(world.settings.vault)
        self.signer = Signer()
        self._watchers: list[Callable[[str, str], None]] = []

    def watch(self, changed: Callable[[str, str], None]) -> None:
        """Have ``changed`` called with the names of vault and secret whenever a secret gets a new version."""
        self._watchers.append(changed)

    def write(self, vault: str, name: str, content: Content) -> Version:
        """Write a new version and notify the watchers, unless the newest version has the same content."""
        before = self.store.get(vault, name)
        version = self.store.put(vault, name, content)
        if before is None or before.identifier != version.identifier:
            for changed in self._watchers:
                changed(vault, name)
        return version

    def find(self, name: str) -> Record | None:
        """The record of the vault with this name; names are global in Azure."""
        return self.world.records.find("keyvault:Vault", lambda record: record.name.lower() == name.lower())

    def other_vault(self, name: str, identifier: str) -> Record | None:
        """The record of another vault, by its id, that has this name."""
        return self.world.records.find(
            "keyvault:Vault",
            lambda record: record.name.lower() == name.lower() and record.id.lower() != identifier.lower(),
        )

    def check(self, vault: Record, principal: str, action: str, scope: str, client: str = "") -> None:
        """Raise AccessRefused (403) unless the principal may do ``action`` at ``scope``."""
        if allowed(self.world.records, vault.properties, principal, action, scope):
            return
        raise AccessRefused(
            403,
            "Forbidden",
            "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role "
            "definitions were changed recently, please observe propagation time.\r\n"
            f"Caller: appid={client};oid={principal}\r\nAction: '{action}'\r\nResource: '{scope}'\r\n"
            f"Assignment: (not found)\r\nDecisionReason: null\r\nVault: {vault.name}",
            "ForbiddenByRbac"
            if vault.properties.get("properties", {}).get("enableRbacAuthorization")
            else "AccessDenied",
        )

    def read(self, vault: Record, name: str, version: str, principal: str, client: str = "") -> Version:
        """A secret's version (the newest, if it is empty) for a principal. Raises AccessRefused as Key Vault would."""
        self.check(vault, principal, GET_SECRET, f"{vault.id}/secrets/{name}", client)
        found = self.store.get(vault.name, name, version)
        if found is None:
            raise AccessRefused(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {name}{'/' + version if version else ''} was not found in this key vault. If "
                "you recently deleted this secret you may be able to recover it using the correct recovery command.",
            )
        _usable(found)
        return found

    def fetch(self, uri: str, principal: str) -> Version:
        """:meth:`read` by a secret's address, as the Application Gateway reads its certificate.

        Raises ValueError if it is not a secret's address.
        """
        target = SecretUri.parse(uri)
        vault = self.find(target.vault)
        if vault is None:
            raise AccessRefused(404, "VaultNotFound", f"There is no vault {target.vault}.")
        return self.read(vault, target.name, target.version, principal)


_services: dict[Path, VaultService] = {}
_lock = threading.Lock()


def service(world: World) -> VaultService:
    """The world's vaults; there is one service per state folder."""
    with _lock:
        return _services.setdefault(world.settings.state, VaultService(world))


def _usable(version: Version) -> None:
    content, now = version.content, time.time()
    reason = None
    if not content.enabled:
        reason = ("Operation get is not allowed on a disabled secret.", "SecretDisabled")
    elif content.expires is not None and content.expires <= now:
        reason = ("Operation get is not allowed on an expired secret.", "SecretExpired")
    elif content.not_before is not None and content.not_before > now:
        reason = ("Operation get is not allowed on a secret that is not yet valid.", "SecretNotYetValid")
    if reason:
        raise AccessRefused(403, "Forbidden", reason[0], reason[1])
