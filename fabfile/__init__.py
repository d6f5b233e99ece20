"""All commands, which `fab --list` shows: one module for each group, joined here, and `fab rehearse`.

The modules are called `..._commands`, since Invoke puts this folder at the front of the import path: a `hosts.py` in it
would hide the package `hosts`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from console import ExitCode, ExpectedError, Interrupted, console, interruptible
from fabfile import hosts_commands, infra_commands, rehearsal_commands, verify_commands
from infra.stack.pulumi_cli import default_stack


@task(name="rehearse", help={"stack": "the stack to rehearse (default: $LIVEGANG_STACK, or rehearsal)"})
def rehearse(_context: Context, stack: str = "") -> None:
    """The whole chain: bring up, converge, verify. Exit 0 GO, 3 NO-GO, 4 NOT CHECKED."""
    stack = stack or default_stack()
    try:
        with interruptible("what has a ✓ above is done and kept"):
            _rehearse(stack)
    except Interrupted as error:
        raise Interrupted(error.number, error.reason, hint="Continue: fab rehearse") from error


def _rehearse(stack: str) -> None:
    # Imported here: `fab --list` must not wait for what only these two need.
    from hosts.fleet.converge import converge
    from toolchain import goals
    from toolchain.errors import SetupError

    started = time.monotonic()
    if not os.environ.get(goals.PREPARED):
        try:
            goals.world([])
        except SetupError as error:
            raise ExpectedError(error.message, error.hint, error.code) from error
    with _stage("Bring up", "pulumi up --refresh"):
        inventory = infra_commands.bring_up(stack, yes=True, refresh=True)
    failure: ExpectedError | None = None
    with _stage("Converge", "fab hosts.converge"):
        try:
            converge(inventory)
        except Interrupted:
            raise
        except ExpectedError as error:
            # Verify all the same: the verdict says what this failure means, and whether the other hosts are ready.
            failure = error
            console.print(f"[red]{error}[/]", soft_wrap=True)
    with _stage("Verify", "fab verify.ready"):
        verdict = verify_commands.ready(stack)
    console.print(f"From start to verdict: {time.monotonic() - started:.1f} s.")
    if verdict is ExitCode.DONE and failure is not None:
        raise failure
    raise Exit(code=int(verdict))


@contextmanager
def _stage(name: str, command: str) -> Iterator[None]:
    """A heading above what the stage shows, and its elapsed time below."""
    started = time.monotonic()
    console.rule(f"{name} [dim]({command})[/]", align="left")
    try:
        yield
    except BaseException:
        console.print(f"[red]✗[/] {name} [dim]{time.monotonic() - started:.1f} s[/]")
        raise
    console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - started:.1f} s[/]")


namespace = Collection(rehearse)
for name, tasks in {
    "infra": infra_commands,
    "hosts": hosts_commands,
    "verify": verify_commands,
    "rehearsal": rehearsal_commands,
}.items():
    namespace.add_collection(tasks.namespace, name=name)
