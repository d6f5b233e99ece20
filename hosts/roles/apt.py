"""Where packages come from: the management host's mirror, and for the management host itself the mirror's sources."""

from __future__ import annotations

from urllib.parse import urlsplit

from hosts.roles.context import HEADER, Context, text
from hosts.states import Absent, Directory, File, Package, State, Unit, Wait
from infra.inventory.model import PackageSource

KEYRINGS = "/etc/apt/keyrings"
SOURCES = "/etc/apt/sources.list.d/livegang.sources"
MIRROR_PATH = "/packages"
"""Path on the mirror below which each source has its name."""


def keyring(source: PackageSource) -> str:
    """Path on the host of the key that signs a source."""
    if source.keyring.startswith("/"):
        return source.keyring
    return f"{KEYRINGS}/livegang-{source.name}.asc"


def is_mirror(context: Context) -> bool:
    """True on the management host, which takes its packages from upstream: it must not depend on itself."""
    return context.host == context.management


def uri(context: Context, source: PackageSource) -> str:
    """Where this host finds a source."""
    if is_mirror(context):
        return source.uri
    return f"http://{context.management.fqdn}{MIRROR_PATH}/{source.name}"


def waits(context: Context) -> list[Wait]:
    """The mirror answers for each source."""
    if is_mirror(context):
        return []
    return [
        Wait(
            label=f"package mirror {source.name}",
            host=context.management.name,
            url=f"{uri(context, source)}/dists/{source.suites[0]}/InRelease",
        )
        for source in context.inventory.packages.sources
    ]


def needs(context: Context) -> tuple[str, ...]:
    """What must be there before any package is installed."""
    sources = context.inventory.packages.sources
    keyrings = [f"file {keyring(source)}" for source in sources if not source.keyring.startswith("/")]
    return (f"file {SOURCES}", *keyrings, *(wait.identity for wait in waits(context)))


def packages(context: Context, *names: str, more_needs: tuple[str, ...] = ()) -> list[Package]:
    """Packages from the host's sources."""
    return [Package(package=name, needs=(*needs(context), *more_needs)) for name in names]


def states(context: Context) -> list[State]:
    """The sources with their keys, no others, and unattended security updates from them."""
    sources = context.inventory.packages.sources
    keyrings: list[State] = [
        text(keyring(source), source.keyring.rstrip("\n") + "\n")
        for source in sources
        if not source.keyring.startswith("/")
    ]
    rows = [(source, uri(context, source), keyring(source)) for source in sources]
    return [
        Directory(path=KEYRINGS),
        *keyrings,
        context.template(SOURCES, "base/apt.sources.j2", rows=rows),
        # What the image came with points to the Internet, where no host but the mirror gets. The old file stays, but
        # without a source: unattended-upgrades would make it anew.
        text("/etc/apt/sources.list", f"{HEADER}\n# The sources are in {SOURCES}.\n", needs=(f"file {SOURCES}",)),
        Absent(path="/etc/apt/sources.list.d/debian.sources", needs=(f"file {SOURCES}",)),
        *waits(context),
        *_unattended_upgrades(context),
    ]


def _unattended_upgrades(context: Context) -> list[State]:
    package = packages(context, "unattended-upgrades")[0]
    sites = sorted({urlsplit(uri(context, source)).hostname or "" for source in context.inventory.packages.sources})
    periodic: File = context.template("/etc/apt/apt.conf.d/20auto-upgrades", "base/20auto-upgrades.j2")
    # A restart of the database is decided by people.
    held = ["^postgresql"] if "database" in context.host.roles else []
    upgrades = context.template(
        "/etc/apt/apt.conf.d/52livegang-unattended-upgrades",
        "base/unattended-upgrades.j2",
        needs=(package.identity,),
        sites=sites,
        held=held,
    )
    timers = [Unit(unit=timer, needs=(package.identity,)) for timer in ("apt-daily.timer", "apt-daily-upgrade.timer")]
    return [package, periodic, upgrades, *timers]
