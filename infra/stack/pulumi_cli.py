"""The `pulumi` command of this environment."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console import ExpectedError, interruptible, run_child
from infra.stack.output import changes_only, is_watched
from toolchain.folders import PROJECT

PARALLEL = 32
"""How many resources change concurrently. Azure and its stand-in spend most of a change waiting."""


def default_stack() -> str:
    """The stack that commands work on unless ``--stack`` names another."""
    return os.environ.get("LIVEGANG_STACK", "rehearsal")


def pulumi_executable() -> str:
    """`pulumi` of the virtual environment, activated or not; otherwise the one on PATH."""
    own = Path(sys.executable).with_name("pulumi")
    return str(own) if own.exists() else "pulumi"


@dataclass(frozen=True)
class Pulumi:
    """Runs `pulumi` for one stack in one project folder."""

    stack: str
    folder: Path = PROJECT
    environment: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that are set in addition to this process's own; with None, they are removed."""

    def run(self, *arguments: str) -> None:
        """Run in this process's terminal; without one, only what changes is printed.

        Raises ExpectedError with pulumi's exit code if that is not 0.
        """
        command = self._command(arguments)
        shown = " ".join(["pulumi", *arguments, "--stack", self.stack])
        reached = "pulumi has listed above what it changed, and its state records it"
        with interruptible(reached, hint=f"Continue with: {shown}"):
            if is_watched():
                code = run_child(command, environment=self._environment())
            else:
                with changes_only(sys.stdout) as output:
                    code = run_child(command, environment=self._environment(), stdout=output)
        if code != 0:
            raise ExpectedError(f"`{shown}` ended with exit code {code}; its own message is above.", code=code)

    def capture(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run without output and return what it wrote, whatever its exit code."""
        command = self._command(arguments)
        # Files instead of pipes: a language host that outlives a failed run would keep a pipe open for minutes.
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            with interruptible("pulumi was only reading, nothing was changed", hint="Run the command again."):
                code = run_child(command, environment=self._environment(), stdout=output, stderr=errors)
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(command, code, output.read(), errors.read())

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [pulumi_executable(), *arguments, "--stack", self.stack, "--cwd", str(self.folder)]

    def _environment(self) -> dict[str, str]:
        # The program and its dynamic provider run in the virtual environment's Python even where it is not activated.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        wanted = {**os.environ, "PATH": path, **self.environment}
        return {name: value for name, value in wanted.items() if value is not None}
