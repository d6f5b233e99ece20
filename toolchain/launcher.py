"""`.venv/bin/pulumi`: the real Pulumi CLI, in the rehearsal's world unless the user has chosen another.

With the virtual environment active, `pulumi up --stack rehearsal` works as Pulumi's own documentation says:
the launcher sets PULUMI_HOME, backend and passphrase file of this clone's rehearsal and becomes the real CLI.
LIVEGANG_OFFLINE=1 chooses the home in which resources are recorded only. A PULUMI_HOME or PULUMI_BACKEND_URL
that the user has set is left alone: that is how `prod` is reached.

A stack of another subscription than the rehearsal's is refused here, before anything starts: with the stand-in
provider, an `up` of `prod` would succeed and create nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from toolchain import engines, versions
from toolchain.folders import PROJECT, cache
from toolchain.pulumi_home import STACK, SUBSCRIPTION, Home, stack_files

CHOSEN_CLI_NAME = "pulumi-cli"
"""Symbolic link in the virtual environment to the CLI that the bootstrap chose for it."""

SHARED_CACHE = Path("/var/cache/livegang")
"""Root's cache, which every user may read."""


def main() -> None:
    """Entry point: becomes the real CLI, or prints why it cannot and exits with 1."""
    arguments = sys.argv[1:]
    cli = find_cli()
    if cli is None:
        _refuse("There is no Pulumi CLI yet.", "Download or build it: make tools")
    home = Home.for_this_clone()
    environment = home.environment()
    if not home.is_external(os.environ):
        if not home.offline and (stack := refused_stack(arguments, os.environ)):
            _refuse(
                f"Stack {stack} does not exist in the rehearsal: its subscription is not the rehearsal's. "
                "Nothing was done.",
                f"Offline: fab infra.preview --stack {stack} --offline. "
                "For real: set PULUMI_HOME and PULUMI_BACKEND_URL to those of your organisation.",
            )
        if named := home.conflicting_passphrase(os.environ):
            sys.stderr.write(
                f"{named} is set in your environment and is not the passphrase of the rehearsal's stacks.\n"
                f"  → If Pulumi refuses it: unset {named}\n"
            )
        home.prepare()
        _recover(cli, home, environment)
        if not home.offline:
            _create_stacks(cli, home, environment, arguments)
    os.execve(cli, ["pulumi", *arguments], environment)


def find_cli() -> Path | None:
    """The real CLI: the bootstrap's choice, else one in a cache of this machine, else another on PATH."""
    cached = [folder / "pulumi" / versions.PULUMI / "bin" / "pulumi" for folder in (cache(), SHARED_CACHE)]
    candidates = [Path(sys.prefix) / CHOSEN_CLI_NAME, *cached]
    for candidate in candidates:
        if os.access(candidate, os.X_OK):
            return candidate.resolve()
    return other_on_path(os.environ.get("PATH", os.defpath))


def other_on_path(path: str) -> Path | None:
    """A `pulumi` on ``path`` that is not the launcher of a clone of this project."""
    for folder in path.split(os.pathsep):
        found = shutil.which("pulumi", path=folder) if folder else None
        if found and b"toolchain.launcher" not in _beginning(Path(found)):
            return Path(found).resolve()
    return None


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(512)


def refused_stack(arguments: list[str], environment: Mapping[str, str]) -> str | None:
    """The stack that ``arguments`` name, if its file says that it belongs to another subscription."""
    for name in _named_stacks(arguments, environment):
        stack = name.rpartition("/")[2]
        file = PROJECT / f"Pulumi.{stack}.yaml"
        if file.exists() and SUBSCRIPTION not in file.read_text(errors="replace"):
            return stack
    return None


def _named_stacks(arguments: list[str], environment: Mapping[str, str]) -> list[str]:
    named = [environment["PULUMI_STACK"]] if environment.get("PULUMI_STACK") else []
    for position, argument in enumerate(arguments):
        if argument.startswith("--stack="):
            named.append(argument.removeprefix("--stack="))
        elif argument in ("--stack", "-s") and position + 1 < len(arguments):
            named.append(arguments[position + 1])
        elif argument.startswith("-s") and len(argument) > 2 and not argument.startswith("--"):
            named.append(argument[2:].removeprefix("="))
    words = [argument for argument in arguments if not argument.startswith("-")]
    if words[:1] == ["stack"] and words[1:2] in (["init"], ["select"]):
        named += words[2:]
    return named


def _recover(cli: Path, home: Home, environment: dict[str, str]) -> None:
    """Repair what a killed engine left."""
    for process in home.remove_stale_locks():
        sys.stderr.write(f"Removed the lock of pulumi process {process}, which ended before it was finished.\n")
        engines.end_orphans(home.folder)
    if home.is_locked() or not (home.unwritten_attributes() or home.stacks_with_pending()):
        return
    # The provider does it, because it knows what the engine had asked for; in its own process, because it is hardly
    # ever needed and the launcher must start fast. What it cannot repair it reports; the user's command will fail too.
    recovery = [sys.executable, "-m", "rehearsal.provider.recovery", str(cli)]
    subprocess.run(recovery, env=environment, stdout=sys.stderr, check=False)


def _create_stacks(cli: Path, home: Home, environment: dict[str, str], arguments: list[str]) -> None:
    """Create the stacks that are named, or else the rehearsal's own, where they are missing.

    So no one has to know `pulumi stack init`; for those who type it, it creates the stack.
    """
    if [argument for argument in arguments if not argument.startswith("-")][:2] == ["stack", "init"]:
        return
    named = [name.rpartition("/")[2] for name in _named_stacks(arguments, environment)]
    known = stack_files()
    for stack in named or [STACK]:
        if stack in known and not home.has_stack(stack):
            _create_stack(stack, cli, home, environment)


def _create_stack(stack: str, cli: Path, home: Home, environment: dict[str, str]) -> None:
    from filelock import FileLock  # hardly ever needed, and the launcher must start fast

    with FileLock(home.backend / ".livegang-lock"):
        if home.has_stack(stack):
            return
        command = [str(cli), "stack", "select", "--create", stack, "--cwd", str(PROJECT), "--non-interactive"]
        made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            # Reported only: the command that the user typed will fail for the same reason.
            sys.stderr.write(f"Stack {stack} could not be created: {made.stderr.strip()}\n")


def _refuse(message: str, hint: str) -> NoReturn:
    sys.exit(f"{message}\n  → {hint}")


if __name__ == "__main__":
    main()
