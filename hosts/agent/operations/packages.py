"""Debian packages: all that are missing come with one apt-get."""

from __future__ import annotations

from hosts.agent.host import Host
from hosts.agent.results import CommandError, Difference, OperationError
from hosts.states import Package

APT = (
    "apt-get",
    "--quiet",
    "--yes",
    "--no-install-recommends",
    # Someone else (unattended-upgrades, a person) may be at work: wait for them.
    "--option=DPkg::Lock::Timeout=180",
    "--option=Dpkg::Use-Pty=0",
    # A file that a state has already written is not asked about, it stays.
    "--option=Dpkg::Options::=--force-confdef",
    "--option=Dpkg::Options::=--force-confold",
    "--option=Acquire::Languages=none",
    "--option=Acquire::Retries=2",
)
DEADLINE = 900
"""Seconds for one installation, the wait for another's lock included."""


def compare_package(state: Package, host: Host) -> list[Difference]:
    status = host.facts.package(state.package)
    if status[1:2] == "i":
        return []
    if status[1:2] in ("U", "F", "H", "W", "t"):
        return [Difference(f"an interrupted installation left it half done (dpkg: {status})")]
    return [Difference("not installed")]


def apply_package(state: Package, host: Host) -> None:
    """Install this package and with it all others of the document that are missing and may be installed by now."""
    missing = [
        other.package
        for other in host.states
        if isinstance(other, Package) and host.facts.package(other.package)[1:2] != "i"
    ]
    # One whose unpacking broke off counts as installed for apt-get, which therefore leaves it as it is: also one that
    # no state names, which others need.
    anew = host.facts.half_unpacked()
    again = ["--reinstall"] if anew else []
    try:
        updates = host.path("/var/lib/dpkg/updates")
        if host.facts.half_installed() or (updates.is_dir() and any(updates.iterdir())):
            host.note("finishing an interrupted installation")
            host.run(["dpkg", "--configure", "--pending", "--force-confdef", "--force-confold"], timeout=DEADLINE)
        host.note("reading the package lists")
        _update(host)
        host.note(f"installing {', '.join(missing)}")
        host.run([*APT, "install", *again, *dict.fromkeys([*missing, *anew])], timeout=DEADLINE)
    except CommandError:
        # One unavailable package must not block the others: it is installed by itself, with its own error.
        host.facts.forget_packages()
        if len(missing) == 1:
            raise
        host.run([*APT, "install", *again, *dict.fromkeys([state.package, *anew])], timeout=DEADLINE)
    finally:
        host.facts.forget_packages()
        host.units_are_read = False


def _update(host: Host) -> None:
    # apt-get update ends with 0 when a source could not be reached; this option makes it say so.
    try:
        host.run([*APT, "--option=APT::Update::Error-Mode=any", "update"], timeout=DEADLINE)
    except CommandError as error:
        raise OperationError("the package lists cannot be read", error.log) from error
