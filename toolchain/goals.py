"""The goals of `make`: what each one prepares, and the command that it then becomes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from toolchain import checks, cli, environment, kernel, system
from toolchain.environment import VENV
from toolchain.errors import CANNOT_REHEARSE, SetupError
from toolchain.folders import PROJECT, state_folder
from toolchain.kernel import Failing
from toolchain.steps import Progress, Runner, Step

PREPARED = "LIVEGANG_PREPARED"
"""Set in the environment of what a goal becomes: everything is prepared, no need to check again."""

WHAT_WORKS = (
    "What works here: make preview (everything that would be declared, offline) and make test "
    "(which lists what it could not run, and why)."
)


def rehearse(arguments: Sequence[str]) -> NoReturn:
    """From nothing to the report: prepare everything, then `fab rehearse`."""
    state = state_folder()
    _demand(checks.for_booting(state), "This machine cannot boot the rehearsal's hosts.", WHAT_WORKS)
    Runner(state / "logs").run([*_toolchain(), *_world(state)])
    _become("fab", "rehearse", *arguments)


def preview(arguments: Sequence[str]) -> NoReturn:
    """The plan of `prod`, or of LIVEGANG_STACK, offline; needs neither root nor hosts nor an account."""
    _demand(checks.basics())
    Runner(state_folder() / "logs").run(_toolchain([system.VENV]))
    stack = os.environ.get("LIVEGANG_STACK", "prod")
    _become("fab", "infra.preview", "--stack", stack, "--offline", *arguments)


def test(arguments: Sequence[str]) -> NoReturn:
    """All tests. Where hosts cannot boot, those that need them are skipped and listed with the reason."""
    state = state_folder()
    _demand(checks.basics())
    reason = checks.why_no_hosts(state)
    if reason is None:
        try:
            Runner(state / "logs").run([*_toolchain(), *_world(state)])
        except SetupError as error:
            # A kernel feature that could be tried only once its tool was installed.
            if error.code != CANNOT_REHEARSE:
                raise
            reason = error.message
    if reason is not None:
        print(f"Tests on booted hosts are skipped: {reason}")
        Runner(state / "logs").run(_toolchain())
    results = PROJECT / ".livegang" / "tests" / "junit.xml"
    # What was found to work is not asked again: a test that was to run and cannot must fail, not be skipped.
    hosts = ["--with-hosts"] if reason is None else []
    _become("pytest", "--numprocesses=2", f"--junitxml={results}", *hosts, *arguments)


LINTERS = (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",), ("lint-imports",))


def lint(arguments: Sequence[str]) -> None:
    """All linters, also after one has failed. Needs `make tools`."""
    _demand_tools()
    os.chdir(PROJECT)
    failed = [
        linter[0]
        for linter in LINTERS
        if subprocess.run([VENV / "bin" / linter[0], *linter[1:], *arguments], env=_active(), check=False).returncode
    ]
    if failed:
        raise SetupError(f"Failed: {', '.join(failed)}.", "Fix what is reported above.")


def unit(arguments: Sequence[str]) -> NoReturn:
    """All tests that need no booted host, without the linters. Needs `make tools`; builds no images."""
    _demand_tools()
    # More than cores: a third of the tests' time is spent waiting, for example for a packet that must not arrive.
    processes = min(os.cpu_count() or 1, 6) + 2
    _become("pytest", f"--numprocesses={processes}", "-m", "not booted and not linter", *arguments)


def _demand_tools() -> None:
    if not os.access(VENV / "bin" / "pytest", os.X_OK):
        raise SetupError("There is no virtual environment yet.", "Create it first: make tools")


def tools(arguments: Sequence[str]) -> None:
    """Just the virtual environment and the CLI: for an editor, for unit tests, or to work offline."""
    _demand(checks.basics())
    Runner(state_folder() / "logs").run(_toolchain())


def world(arguments: Sequence[str]) -> None:
    """Just images, packages and keys, where the virtual environment exists already."""
    state = state_folder()
    Runner(state / "logs").run(_world(state))


def _toolchain(packages: Sequence[system.Package] = system.PACKAGES) -> list[Step]:
    def install(progress: Progress) -> str:
        missing = [package.name for package in system.missing(packages)]
        if missing and os.geteuid() != 0:
            # No obstacle to what an ordinary user can do; tests that need one of them are skipped with the reason.
            return f"missing, and only root can install them: {', '.join(missing)}"
        return system.install(progress, packages)

    return [
        Step("system packages", install),
        Step("virtual environment", environment.make, ("system packages",)),
        Step("Pulumi", cli.obtain, ("virtual environment",)),
    ]


def _world(state: Path) -> list[Step]:
    """Everything that hosts are made of. Results are cached: a step whose result exists returns immediately."""

    def features(progress: Progress) -> str:
        if found := kernel.failing(state):
            raise SetupError(found[0].sentence, f"{found[0].remedy}\n{WHAT_WORKS}", CANNOT_REHEARSE)
        return f"{len(kernel.PROBES)} tried"

    def module(title: str, needs: tuple[str, ...], name: str, *arguments: str) -> Step:
        """A step that belongs to another package, in its own process: this one runs before their environment exists."""

        def run(progress: Progress) -> None:
            progress.run([VENV / "bin" / "python", "-m", name, *arguments], cwd=PROJECT, environment=_active())

        return Step(title, run, needs)

    return [
        Step("kernel features", features, ("system packages",)),
        module("stand-in for Vivendi", ("virtual environment",), "vivendi.build", str(state / "artifacts")),
        module("host images", ("kernel features", "virtual environment"), "rehearsal.image"),
        module("packages for the hosts", ("host images",), "rehearsal.packages"),
        module("keys and certificates", ("packages for the hosts",), "rehearsal.keys"),
    ]


def _demand(failing: Sequence[Failing], message: str = "Nothing was started.", hint: str | None = None) -> None:
    """Print everything that fails, and stop."""
    if not failing:
        return
    for each in failing:
        print(f"✗ {each.sentence}\n  → {each.remedy}", file=sys.stderr)
    raise SetupError(message, hint, CANNOT_REHEARSE)


def _active() -> dict[str, str]:
    """The environment of an activated virtual environment."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    active = os.environ | {"VIRTUAL_ENV": str(VENV), "PATH": path}
    # Many short processes import the same modules: without bytecode, a sixth of a test run goes into compiling.
    active.pop("PYTHONDONTWRITEBYTECODE", None)
    return active


def _become(command: str, *arguments: str) -> NoReturn:
    print(f"→ {command} {' '.join(arguments)}", flush=True)
    os.chdir(PROJECT)
    os.execve(VENV / "bin" / command, [command, *arguments], _active() | {PREPARED: "1"})
