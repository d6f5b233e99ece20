"""The Pulumi CLI: one that is already installed, else from the official installer, else built from Go modules.

What is downloaded or built goes to the machine's cache, outside the clone, for every clone and user.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain import versions
from toolchain.environment import VENV
from toolchain.errors import SetupError
from toolchain.folders import cache
from toolchain.launcher import CHOSEN_CLI_NAME, SHARED_CACHE, other_on_path
from toolchain.steps import Progress

MODULES = Path(__file__).resolve().parent / "pulumi"
"""Our own Go modules, tidied and with checksums, that pin what is built."""

LOOK_AGAIN = 0.2
"""Seconds between two looks at whether the other process is done."""

INSTALLER = """
import socket, sys
from pulumi.automation import PulumiCommand
from semver import VersionInfo
socket.setdefaulttimeout(10)  # a machine without Internet access should find out soon
try:
    PulumiCommand.install(root=sys.argv[1], version=VersionInfo.parse(sys.argv[2]))
except Exception as error:  # whatever it is, a user gets one line of it
    sys.exit(f"{type(error).__name__}: {error}")
"""


def obtain(progress: Progress) -> str:
    """Find or build the CLI and link it into the virtual environment, where the launcher looks for it.

    Returns where it came from. Raises SetupError.
    """
    for candidate, origin in _there():
        if _is_recent(candidate):
            _choose(candidate)
            return origin
    folder = cache() / "pulumi" / versions.PULUMI
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent / ".lock", progress):
        origin = "already there" if (folder / "bin" / "pulumi").exists() else _make(progress, folder)
    _choose(folder / "bin" / "pulumi")
    return origin


def _there() -> Iterator[tuple[Path, str]]:
    if other := other_on_path(os.environ.get("PATH", os.defpath)):
        yield other, f"the one on PATH, {other}"
    for folder in (SHARED_CACHE, cache()):
        cached = folder / "pulumi" / versions.PULUMI / "bin" / "pulumi"
        if os.access(cached, os.X_OK):
            yield cached, "already there"


def _is_recent(cli: Path) -> bool:
    """Whether it has the SDK's major version and is no older: the engine supports older SDKs, not newer ones."""
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        output = subprocess.run(
            [cli, "version"], env=environment, capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", output)
    wanted = tuple(map(int, versions.PULUMI.split(".")))
    if found is None:
        return False
    version = tuple(map(int, found.groups()))
    return version[0] == wanted[0] and version >= wanted


def _choose(cli: Path) -> None:
    link = VENV / CHOSEN_CLI_NAME
    if link.is_symlink() and link.readlink() == cli:
        return
    made = link.with_name(f"{link.name}.{os.getpid()}")
    made.symlink_to(cli)
    made.replace(link)


@contextmanager
def _alone(lock: Path, progress: Progress) -> Iterator[None]:
    """One process at a time: the other clone's build is waited for and then used."""
    with lock.open("w") as opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # Not a lock that waits: nothing would wake it when the user wants to stop.
                progress.say("another process is at it; waiting for it")
                if progress.ended(LOOK_AGAIN):
                    raise SetupError("Stopped while another process was at it.") from None
        yield


def _make(progress: Progress, folder: Path) -> str:
    """Install or build next to ``folder`` and rename it at the end, so that it is complete or absent."""
    partial = folder.with_name(f"{folder.name}.partial")
    reasons = []
    for origin, make in (("the official installer", _install), ("built from Go modules", _build)):
        shutil.rmtree(partial, ignore_errors=True)
        (partial / "bin").mkdir(parents=True)
        try:
            make(progress, partial)
        except SetupError as error:
            reasons.append(f"{origin}: {error.message}")
            continue
        for file in (partial / "bin").iterdir():
            file.chmod(0o755)
        partial.rename(folder)
        return origin
    raise SetupError(
        "The Pulumi CLI could neither be downloaded nor built.\n" + "\n".join(reasons),
        f"Install Pulumi {versions.PULUMI} so that `pulumi` is on PATH, or Go so that it can be built.",
    )


def _install(progress: Progress, folder: Path) -> None:
    progress.say("trying the official installer")
    progress.run([VENV / "bin" / "python", "-c", INSTALLER, folder, versions.PULUMI])


def _build(progress: Progress, folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise SetupError("there is no `go` on PATH.", "Install Go 1.26 or newer.")
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    sdk = "github.com/pulumi/pulumi/sdk/v3"
    programs = (
        ("language-python", versions.LANGUAGE_HOST, f"{sdk}/python/cmd/pulumi-language-python"),
        ("cli", versions.PULUMI, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"),
    )
    for module, version, program in programs:
        flags = f"-s -w -X {sdk}/go/common/version.Version=v{version}"
        build: list[str | Path] = [go, "build", "-v", "-trimpath", "-ldflags", flags]
        command = [*build, "-o", folder / "bin" / Path(program).name, program]
        progress.run(command, cwd=MODULES / module, environment=environment)
    # The language host runs these two scripts; they come with the SDK's module, of the CLI's own version.
    listed = progress.run([go, "list", "-m", "-f", "{{.Dir}}", sdk], cwd=MODULES / "cli", environment=environment)
    source = Path(listed.strip().splitlines()[-1]) / "python"
    for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
        shutil.copyfile(source / script, folder / "bin" / Path(script).name)
