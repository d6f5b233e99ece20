"""The registry of roles: one entry for each, read by every package that has to know something of it.

A new role is an entry here, a module ``hosts/roles/NAME.py`` with its templates, and its suite ``verify/test_NAME.py``.
Tests in ``tests/landscape/`` name what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from landscape import secrets
from landscape.secrets import Secret


@dataclass(frozen=True)
class Role:
    """What is true of a role's hosts in every landscape."""

    name: str
    """Also the name of the subnet that its hosts are in, and of its module in `hosts/roles/`."""
    secrets: tuple[Secret, ...] = ()
    """What its hosts may read, and nothing else."""
    data_disk: bool = False
    """Whether its hosts keep their data on a disk of their own."""
    shareable: bool = False
    """Whether a host may do its work along with another role's."""
    at_least: int = 0
    at_most: int | None = None
    """How many of its hosts a landscape may have; None for any number."""
    suites: tuple[str, ...] = ()
    """Suites of `verify/` that must look at each of its hosts, besides those of every host; one at least is its own."""
    suites_with: tuple[tuple[str, str], ...] = ()
    """Pairs of a role and a suite that must look as well where the landscape has a host of that role."""
    stop_seconds: float | None = None
    """How long a host may take to stop in good order, where it must never be stopped otherwise."""
    stops_after: tuple[str, ...] = ()
    """Roles whose hosts must have stopped before its own do: they write to these while they stop."""

    @property
    def every_suite(self) -> tuple[str, ...]:
        """All its suites, also those that look at its hosts in some landscapes only."""
        return (*self.suites, *(suite for _, suite in self.suites_with))

    @property
    def serves_tls(self) -> bool:
        """Whether its hosts have a certificate of the internal authority."""
        return secrets.TLS_KEY in self.secrets


ROLES: dict[str, Role] = {
    role.name: role
    # In the order in which hosts are listed (see host_order.py), from the data outwards.
    for role in (
        Role(
            "database",
            secrets=(secrets.TLS_KEY, secrets.REPLICATION, secrets.AREA_DATABASE),
            data_disk=True,
            shareable=True,
            at_least=1,
            suites=("database",),
            stop_seconds=30.0,
        ),
        Role(
            "application",
            secrets=(secrets.AREA_DATABASE, secrets.AREA_SHARE),
            shareable=True,
            at_least=1,
            suites=("application",),
        ),
        Role("web", shareable=True, at_least=1, suites=("web",)),
        Role(
            "file",
            secrets=(secrets.TLS_KEY, secrets.AREA_SHARE, secrets.INCOMING, secrets.BACKUP_KEY),
            data_disk=True,
            suites=("file",),
            suites_with=(("database", "backup"),),
            stops_after=("database",),
        ),
        Role(
            "transfer",
            secrets=(secrets.INCOMING,),
            at_most=1,
            suites=("transfer",),
            suites_with=(("file", "delivery"),),
        ),
        Role("management", at_least=1, at_most=1, suites=("management",)),
    )
}

EVERY_HOST = frozenset({"base", "network", "monitoring", "stability", "updates"})
"""Suites that must look at every host."""
ENDPOINT_SUITES = frozenset({"endpoints"})
"""Suites that must look at every endpoint."""

SHAREABLE = tuple(role.name for role in ROLES.values() if role.shareable)
"""Those that a site's request passes through. The services of others would collide (nginx is also the package mirror,
the data disk is also the database's), or have no business next to clients' records."""


def required_suites(roles: tuple[str, ...], present: frozenset[str]) -> frozenset[str]:
    """The suites that must look at a host with these roles, in a landscape where these roles are present."""
    known = [ROLES[name] for name in roles if name in ROLES]
    own = {suite for role in known for suite in role.suites}
    shared = {suite for role in known for other, suite in role.suites_with if other in present}
    return EVERY_HOST | own | shared


def without_suite(roles: tuple[str, ...]) -> list[str]:
    """Those of a host's roles that no suite looks at: nothing can be said of their work."""
    return [name for name in roles if name not in ROLES or not own_suites(ROLES[name])]


def own_suites(role: Role) -> set[str]:
    """Its suites without those of every host, of endpoints and of other roles, which do not look at its work."""
    others = {suite for other in ROLES.values() if other.name != role.name for suite in other.every_suite}
    return set(role.suites) - EVERY_HOST - ENDPOINT_SUITES - others
