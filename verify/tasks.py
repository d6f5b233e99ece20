"""`fab verify.ready`: prove the landscape ready, or say what is not."""

from __future__ import annotations

import os
import sys

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from console import ExitCode, interruptible, run_child
from infra.inventory import PROJECT


def ready(stack: str, limit: str | None = None) -> ExitCode:
    """Run all suites, or those of the hosts or roles that ``limit`` names; returns the verdict's exit code."""
    # A process of its own: pytest keeps state that a second run in the same one would see.
    command = [sys.executable, "-m", "pytest", str(PROJECT / "verify"), "--brief", "--stack", stack]
    command += ["-p", "no:cacheprovider", "--rootdir", str(PROJECT)]
    command += [f"--hosts={limit}"] if limit else []
    reached = "there is no verdict, NOT CHECKED; what had been checked by then stands above"
    with interruptible(reached, hint="Begin again: fab verify.ready"):
        status = run_child(command, cwd=PROJECT)
    known = {ExitCode.DONE, ExitCode.NO_GO, ExitCode.NOT_CHECKED}
    return ExitCode(status) if status in known else ExitCode.NOT_CHECKED


@task(
    name="ready",
    help={
        "stack": "the stack to verify (default: LIVEGANG_STACK, else rehearsal)",
        "limit": "hosts or roles, separated by commas; the verdict of a part is NOT CHECKED",
    },
)
def ready_task(context: Context, stack: str = "", limit: str = "") -> None:
    """Prove every host and endpoint ready: exit 0 GO, 3 NO-GO, 4 NOT CHECKED."""
    code = ready(stack or os.environ.get("LIVEGANG_STACK", "rehearsal"), limit or None)
    if code is not ExitCode.DONE:
        raise Exit(code=int(code))


namespace = Collection("verify")
namespace.add_task(ready_task)
