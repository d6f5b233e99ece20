"""The rehearsal's own PULUMI_HOME, backend and environment for the Pulumi CLI.

The stand-in provider is found through this PULUMI_HOME and nowhere else: Pulumi.yaml is read for every stack, and a
stand-in named there would serve `prod` too. Standard library only, and little of it: the launcher imports this on every
call of `pulumi`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.files import write_atomically
from toolchain.folders import PROJECT, state_folder

STACK = "rehearsal"

SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
"""The only subscription that the stand-in provider serves with hosts, and one that does not exist in Azure."""

AZURE_NATIVE = "3.29.0"
"""The SDK's version; the engine asks for a provider plugin of exactly this one."""

PASSPHRASE_FILE = PROJECT / "rehearsal" / "passphrase"
"""Committed and public on purpose: what it encrypts belongs to throwaway hosts."""


@dataclass(frozen=True)
class Home:
    """One PULUMI_HOME with its backend: the rehearsal's, or next to it the offline one."""

    state: Path
    """The rehearsal's state folder."""
    offline: bool = False

    @classmethod
    def for_this_clone(cls, environment: Mapping[str, str] = os.environ) -> Home:
        """The rehearsal's home, or with LIVEGANG_OFFLINE=1 the offline one, of the rehearsal in LIVEGANG_STATE."""
        return cls(state_folder(), environment.get("LIVEGANG_OFFLINE") == "1")

    @property
    def _root(self) -> Path:
        return self.state / "offline" if self.offline else self.state

    @property
    def folder(self) -> Path:
        """PULUMI_HOME."""
        return self._root / "pulumi"

    @property
    def backend(self) -> Path:
        """Folder of the file backend."""
        return self._root / "backend"

    @property
    def plugin(self) -> Path:
        """The stand-in provider's executable, where the engine looks for it."""
        return self.folder / "plugins" / f"resource-azure-native-v{AZURE_NATIVE}" / "pulumi-resource-azure-native"

    def has_stack(self, stack: str) -> bool:
        """Whether the backend knows the stack of this project, without starting the CLI."""
        folder = self.backend / ".pulumi" / "stacks" / "livegang"
        return any((folder / f"{stack}{suffix}").exists() for suffix in (".json", ".json.gz"))

    def remove_stale_locks(self) -> list[int]:
        """Remove the locks of engines that were killed; returns their process ids.

        Pulumi never does this itself: a backend is usually remote, and no one can tell whether the process is alive.
        This one is on this machine. What was half created is adopted by the next `up`.
        """
        import json  # not for every ssh connection: see rehearsal/control/way_in.py

        removed = []
        for file in (self.backend / ".pulumi" / "locks").rglob("*.json"):
            lock = json.loads(file.read_text())
            if lock["hostname"] == os.uname().nodename and not _is_engine(lock["pid"]):
                file.unlink(missing_ok=True)
                file.with_name(f"{file.name}.attrs").unlink(missing_ok=True)
                removed.append(lock["pid"])
        return removed

    def is_locked(self) -> bool:
        """Whether an engine is running, possibly on another machine."""
        return any((self.backend / ".pulumi" / "locks").rglob("*.json"))

    def unwritten_attributes(self) -> list[Path]:
        """Attribute files that were still empty when an engine was killed; every later command fails on them."""
        folder = self.backend / ".pulumi"
        files = [folder / "meta.yaml.attrs", *(folder / "stacks").glob("*/*.attrs")]
        return [file for file in files if file.exists() and file.stat().st_size == 0]

    def stacks_with_pending(self) -> list[str]:
        """Stacks whose last engine was killed during an operation."""
        files = (self.backend / ".pulumi" / "stacks" / "livegang").glob("*.json")
        return sorted(file.stem for file in files if b'"pending_operations"' in file.read_bytes())

    def prepare(self) -> None:
        """Create backend and plugin; does nothing where they exist."""
        self.backend.mkdir(parents=True, exist_ok=True)
        script = self._plugin_script()
        if self.plugin.exists() and self.plugin.read_text() == script:
            return
        self.plugin.parent.mkdir(parents=True, exist_ok=True)
        # In one step: another `pulumi` may be starting the plugin at this moment.
        write_atomically(self.plugin, script.encode(), mode=0o755)

    def _plugin_script(self) -> str:
        # The home decides which rehearsal the provider serves, and whether offline: not the shell's environment.
        python = shlex.quote(sys.executable)
        return (
            "#!/bin/sh\n"
            f"export LIVEGANG_STATE={shlex.quote(str(self.state))} LIVEGANG_OFFLINE={int(self.offline)}\n"
            f'exec {python} -m rehearsal.provider "$@"\n'
        )

    def environment(self, given: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment for the real CLI: ``given``, completed.

        If PULUMI_HOME or PULUMI_BACKEND_URL is set to another place, as for `prod`, neither is changed: the rehearsal's
        home holds the stand-in provider.
        """
        environment = dict(given)
        environment.setdefault("PULUMI_PYTHON_CMD", sys.executable)
        environment.setdefault("PULUMI_SKIP_UPDATE_CHECK", "true")
        if self.is_external(given):
            return environment
        environment["PULUMI_HOME"] = str(self.folder)
        environment["PULUMI_BACKEND_URL"] = self.backend.as_uri()
        environment["LIVEGANG_STATE"] = str(self.state)
        environment.setdefault("PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION", "true")
        if "PULUMI_CONFIG_PASSPHRASE" not in given:
            environment.setdefault("PULUMI_CONFIG_PASSPHRASE_FILE", str(PASSPHRASE_FILE))
        return environment

    def conflicting_passphrase(self, given: Mapping[str, str]) -> str | None:
        """The variable with which the user gives another passphrase than the one of the rehearsal's stacks."""
        own = PASSPHRASE_FILE.read_text().strip()
        if given.get("PULUMI_CONFIG_PASSPHRASE", own) != own:
            return "PULUMI_CONFIG_PASSPHRASE"
        file = given.get("PULUMI_CONFIG_PASSPHRASE_FILE")
        if "PULUMI_CONFIG_PASSPHRASE" in given or file is None:
            return None
        try:
            same = Path(file).read_text().strip() == own
        except OSError:
            same = False
        return None if same else "PULUMI_CONFIG_PASSPHRASE_FILE"

    def is_external(self, given: Mapping[str, str]) -> bool:
        """Whether the user chose another home or backend than this one."""
        own = {"PULUMI_HOME": str(self.folder), "PULUMI_BACKEND_URL": self.backend.as_uri()}
        return any(given.get(name, value) != value for name, value in own.items())


def _is_engine(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() == "pulumi"
    except OSError:
        return False


def stack_files(project: Path = PROJECT) -> dict[str, Path]:
    """The stacks that can be rehearsed, by name: those whose file is of the rehearsal's subscription."""
    found = {file.name.split(".")[1]: file for file in sorted(project.glob("Pulumi.*.yaml"))}
    return {name: file for name, file in found.items() if SUBSCRIPTION in file.read_text(errors="replace")}
