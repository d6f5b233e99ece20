"""One living rehearsal for all tests that need booted hosts, in a copy of this work tree.

A copy, because everything that is created on the machine is named by a path relative to the clone: so the tests have
their own keys, state, hosts and ssh_config, and a developer's rehearsal is not touched.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cached_property
from pathlib import Path

from infra.inventory.model import Inventory
from rehearsal.base.settings import Settings
from toolchain.folders import PROJECT
from toolchain.launcher import CHOSEN_CLI_NAME

STACK = "rehearsal"

MINUTES = 20
"""The longest that one command may take: a first run builds images and stages packages."""


class Rehearsal:
    """The tests' rehearsal: commands in its clone, as a person with the environment activated would type them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(folder / ".rehearsal")
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LIVEGANG_", "PULUMI_", "PYTEST_")) or name == "LIVEGANG_CACHE"
        }
        binaries = folder / ".venv" / "bin"
        self._environment["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self._environment["VIRTUAL_ENV"] = str(folder / ".venv")

    def run(
        self, *command: str, check: bool = True, timeout: float = MINUTES * 60, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone. With ``check``, a failure raises AssertionError with all of its output."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self._environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            said = f"{done.stdout}\n{done.stderr}".strip()
            raise AssertionError(f"`{shlex.join(command)}` ended with {done.returncode}:\n{said}")
        return done

    def fab(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A task, e.g. ``fab("hosts.plan", "--limit", "web01")``."""
        return self.run("fab", *arguments, check=check)

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """The CLI on the rehearsal's stack, e.g. ``pulumi("preview", "--refresh")``."""
        return self.run("pulumi", *arguments, "--stack", STACK, "--non-interactive", check=check)

    def ssh(
        self, host: str, command: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """A shell command on a host, or on the vantage points ``outside`` and ``operator``."""
        configuration = self.folder / ".livegang" / STACK / "ssh_config"
        return self.run("ssh", "-F", str(configuration), host, command, check=check, timeout=timeout)

    @cached_property
    def inventory(self) -> Inventory:
        """The stack's inventory when it was brought up; tests that change what is in it change it back."""
        program = f"from infra.inventory.reading import load; print(load({STACK!r}).model_dump_json())"
        return Inventory.model_validate_json(self.run("python", "-c", program).stdout)

    def up(self) -> None:
        """Bring it up: nine hosts, converged."""
        self.run("python", "-m", "toolchain", "world")
        self.fab("infra.up", "--yes", "--stack", STACK)
        self.fab("hosts.converge", "--stack", STACK)

    def down(self) -> None:
        """End it, and remove the clone."""
        self.fab("rehearsal.down")
        shutil.rmtree(self.folder)


def clone(folder: Path) -> Rehearsal:
    """Copy all files of the work tree that are not ignored into ``folder``, as a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = PROJECT / name, folder / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    _environment(folder / ".venv", folder)
    living = Rehearsal(folder)
    living.run("git", "init", "--quiet")
    living.run("git", "add", "--all")
    author = ["-c", "user.name=tests", "-c", "user.email=tests@livegang.test"]
    living.run("git", *author, "commit", "--quiet", "--message", "The work tree under test")
    return living


def _environment(venv: Path, folder: Path) -> None:
    """A virtual environment whose own code is the copy's, with the packages of the one that runs the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = sysconfig.get_path("purelib")
    # The first line is first on the path: the copy hides the original, which the other environment has installed.
    lines = f"{folder}\nimport site; site.addsitedir({packages!r})\n"
    (venv / "lib" / version / "site-packages" / "copy.pth").write_text(lines)
    python = venv / "bin" / "python"
    for script in ("fab", "pytest", "pulumi", "livegang-way-in"):
        original = Path(sys.prefix) / "bin" / script
        content = original.read_text().split("\n", 1)[1]
        (venv / "bin" / script).write_text(f"#!{python}\n{content}")
        (venv / "bin" / script).chmod(0o755)
    chosen = Path(sys.prefix) / CHOSEN_CLI_NAME
    if chosen.is_symlink():
        (venv / CHOSEN_CLI_NAME).symlink_to(chosen.readlink())
