"""The system packages that the toolkit needs on the machine, and their installation."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.errors import SetupError
from toolchain.steps import Progress


@dataclass(frozen=True)
class Package:
    """A Debian package, and the command that shows that it is installed."""

    name: str
    command: str
    purpose: str


VENV = Package("python3-venv", "", "makes the virtual environment")
"""The only one without which nothing works: Debian's Python alone cannot create virtual environments."""

# None of them starts a network service on the machine: what the rehearsal serves runs in its own images.
PACKAGES = (
    Package("mmdebstrap", "mmdebstrap", "builds the hosts' images"),
    Package("systemd-container", "systemd-nspawn", "boots the hosts"),
    Package("iproute2", "ip", "makes the rehearsal's networks"),
    Package("nftables", "nft", "filters in them"),
    Package("apt-utils", "apt-ftparchive", "indexes the hosts' packages"),
    Package("gnupg", "gpg", "signs that index"),
    Package("openssh-client", "ssh", "reaches the hosts"),
    Package("curl", "curl", "asks the gateway, in the tests"),
    Package("tini", "tini", "is the first process of a service's container"),
    VENV,
)


def find(command: str) -> str | None:
    """The command's path. /usr/sbin and /sbin are searched as well, which an ordinary user's PATH lacks."""
    return shutil.which(command, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def missing(packages: Sequence[Package] = PACKAGES) -> list[Package]:
    """Those that are missing; python3-venv only if this interpreter cannot create environments without it."""
    return [package for package in packages if not _is_there(package)]


def _is_there(package: Package) -> bool:
    if package.command:
        return find(package.command) is not None
    return importlib.util.find_spec("ensurepip") is not None


def install(progress: Progress, packages: Sequence[Package] = PACKAGES) -> str:
    """Install what is missing, with apt. Raises SetupError, which names the packages, if that is impossible."""
    wanted = [package.name for package in missing(packages)]
    if not wanted:
        return "already there"
    if os.geteuid() != 0 or find("apt-get") is None:
        raise SetupError(
            f"Missing on this machine: {', '.join(wanted)}.",
            f"As root: apt-get install --no-install-recommends {' '.join(wanted)}",
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    # A fresh machine's package lists may be empty or outdated.
    apt = ["apt-get", "--quiet", "--option", "DPkg::Lock::Timeout=300"]
    progress.run([*apt, "update"], environment=environment, hint="apt-get update must work on this machine.")
    progress.run([*apt, "install", "--yes", "--no-install-recommends", *wanted], environment=environment)
    if still := [package.name for package in missing(packages)]:
        raise SetupError(
            f"Still missing after the installation: {', '.join(still)}.", "Does PATH name another one first?"
        )
    return ", ".join(wanted)
