"""`fab verify.ready`: prove the landscape ready, or report what is not."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from console import ExitCode, console, interruptible, run_child
from toolchain.folders import PROJECT, output_folder
from verify.report.files import DOCUMENT
from verify.report.model import Verdict, now

FOREIGN = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")


def ready(stack: str, limit: str | None = None) -> ExitCode:
    """Run all suites, or those of the hosts or roles that ``limit`` names; returns the verdict's exit code."""
    # In a process of its own: pytest keeps state that a second run in the same process would see.
    command = [sys.executable, "-m", "pytest", str(PROJECT / "verify"), "--brief", "--stack", stack]
    command += ["-p", "no:cacheprovider", "--rootdir", str(PROJECT)]
    command += [f"--hosts={limit}"] if limit else []
    # What someone's environment adds to every pytest run (a selection, -x) must not decide about a go-live.
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    began = now()
    reached = "NOT CHECKED, there is no verdict; what was checked until then is shown above"
    with interruptible(reached, hint="Start again: fab verify.ready"):
        status = run_child(command, environment=environment, cwd=PROJECT)
    if status == ExitCode.DONE and not _is_go(output_folder(stack) / "report" / DOCUMENT, began):
        console.print("NOT CHECKED: the run succeeded, but left no report that says GO.")
        return ExitCode.NOT_CHECKED
    known = {ExitCode.DONE, ExitCode.NO_GO, ExitCode.NOT_CHECKED}
    return ExitCode(status) if status in known else ExitCode.NOT_CHECKED


def _is_go(report: Path, began: str) -> bool:
    """Whether the report's verdict is GO and its run began at or after this time (ISO 8601)."""
    try:
        document = json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    started = datetime.fromisoformat(document["started"])
    return bool(document["verdict"] == Verdict.GO and started >= datetime.fromisoformat(began))


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
