"""The fresh machine's root: a minimal Debian 12, with the way to the registries that this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from toolchain.folders import PROJECT

SUITE = "bookworm"

PACKAGES = ("systemd", "systemd-sysv", "dbus", "git", "make", "python3", "ca-certificates")
"""An init (with D-Bus, by which `systemd-run` waits), and what the README asks for.

Much of what a usual installation has is not among them: no sudo, ip, ps, ssh, pip, locales.
"""

USER = "anna"
"""An ordinary user, in no group but her own."""

BUNDLE = "srv/livegang.bundle"
"""The project's repository, as all users there may clone it."""

LOOP_DEVICES = 32
"""On a real machine the kernel makes the nodes; here /dev is nspawn's own."""

_APT = ("sources.list", "sources.list.d", "keyrings", "trusted.gpg", "trusted.gpg.d", "auth.conf.d", "preferences.d")

_NEVER_HERE = ("systemd-sysctl.service", "proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service")
"""They would set the kernel that is this machine's too."""


def make(root: Path) -> None:
    """Bootstrap ``root``; takes the packages from this machine's own apt sources."""
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory"]
    command += [f"--include={','.join(PACKAGES)}", '--aptopt=Acquire::Languages "none"', SUITE, str(root)]
    subprocess.run(command, check=True)
    (root / "etc/hostname").write_text("fresh\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost fresh\n::1 localhost\n")
    (root / "etc/machine-id").write_text("")
    nodes = [f"b /dev/loop{number} 0660 root disk - 7:{number}\n" for number in range(LOOP_DEVICES)]
    (root / "etc/tmpfiles.d/loop.conf").write_text("".join(nodes))
    for unit in _NEVER_HERE:
        (root / "etc/systemd/system" / unit).symlink_to("/dev/null")
    subprocess.run(["chroot", root, "useradd", "--create-home", "--shell", "/bin/bash", USER], check=True)
    _open_the_way_out(root)


def put_project(root: Path) -> None:
    """Put what is committed here into a bundle there: a file that any user may clone."""
    bundle = root / BUNDLE
    subprocess.run(["git", "bundle", "create", "--quiet", bundle, "HEAD", "main"], cwd=PROJECT, check=True)
    bundle.chmod(0o644)


def _open_the_way_out(root: Path) -> None:
    """Name servers, apt sources, certificates and pip's settings as this machine has them, whatever they are."""
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    for name in _APT:
        _replace(Path("/etc/apt") / name, root / "etc/apt" / name)
    settings = subprocess.run(["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True).stdout
    (root / "etc/apt/apt.conf.d/99machine").write_text(settings)
    for name in ("usr/local/share/ca-certificates", "etc/ssl/certs/ca-certificates.crt", "etc/pip.conf"):
        _replace(Path("/") / name, root / name)


def _replace(source: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    elif source.exists():
        shutil.copy(source, target)


def way_out_variables() -> dict[str, str]:
    """Of this process's environment, what says how to reach registries, where it names no folder of this machine."""
    prefixes = ("PIP_", "UV_", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOINSECURE")
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO")
    proxies = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    return {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(prefixes) or name in names or name.lower() in proxies) and name != "PIP_FIND_LINKS"
    }
