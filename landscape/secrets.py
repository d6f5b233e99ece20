"""The secrets that hosts read from Key Vault. Each is known by its purpose, e.g. ``postgresql/replication``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from landscape.names import INCOMING_SHARE

AREA = "{area}"


@dataclass(frozen=True)
class Secret:
    """One secret, or one for each area where its purpose has ``{area}`` in it."""

    purpose: str
    only_with: tuple[str, ...] = ()
    """Roles without which a landscape does not have it."""

    def of(self, area: str) -> str:
        """The purpose of one area's secret."""
        return self.purpose.replace(AREA, area)

    def purposes(self, areas: Iterable[str]) -> Iterator[str]:
        """Its purpose, or that of each area."""
        if AREA not in self.purpose:
            yield self.purpose
            return
        yield from (self.of(area) for area in sorted(areas))


TLS_KEY = Secret("tls-key")
"""Of the certificate that the internal authority issues to the host. A host's own; all others are shared."""
REPLICATION = Secret("postgresql/replication")
AREA_DATABASE = Secret("postgresql/{area}")
"""The password of an area's database role."""
AREA_SHARE = Secret("smb/{area}", only_with=("file",))
"""The password of the account that uses an area's share."""
INCOMING = Secret(AREA_SHARE.of(INCOMING_SHARE), only_with=("file",))
BACKUP_KEY = Secret("backup/key", only_with=("database", "file"))
"""With which the file host encrypts the databases' backups. A new one opens none of the existing backups."""

PASSWORDS = (REPLICATION, AREA_DATABASE, AREA_SHARE, INCOMING, BACKUP_KEY)
"""All that are generated as passwords, in the order in which they are declared."""


def purposes(secrets: Iterable[Secret], areas: Collection[str], roles: Collection[str]) -> list[str]:
    """The purposes that these secrets have in a landscape with these areas and roles, each once."""
    found = (purpose for secret in secrets if set(secret.only_with) <= set(roles) for purpose in secret.purposes(areas))
    return list(dict.fromkeys(found))
