"""What a killed engine leaves in its backend, put in order by the next `pulumi` command.

Three things are left by `kill -9`. A lock, which only the user may remove where the backend is far away, but which
is known to be stale here. A file of attributes that was opened and not written yet, on which every later command fails
with "failed to load checkpoint: EOF"; the state itself is replaced by a rename. And pending operations, which
no `up` ever clears: what was being made, changed or deleted when the engine ended.

Of the last, the stand-in knows more than the engine: its ledger has the id of everything whose making was begun. So
the resource is noted as existing but half made (`initErrors`), just as when the making of it fails: the next `up` puts
it again, whatever of it is there, and `destroy` removes it. Merely dropping the operation would lose it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal.provider.ledger import Ledger
from toolchain.folders import PROJECT
from toolchain.pulumi_home import Home

INTERRUPTED = "the run that was at it was killed"

_HALF = ("creating", "updating", "deleting")


class RecoveryError(Exception):
    """Pulumi refused to give or to take the state; it says why."""


def repair(cli: Path, home: Home, environment: dict[str, str], project: Path = PROJECT) -> Iterator[str]:
    """Put the backend in order while no engine is at work; yields sentences on what was done."""
    for file in home.unwritten_attributes():
        file.unlink(missing_ok=True)
        yield f"Removed {file.name}, which a killed pulumi had not finished writing; it held nothing of the state."
    ledger = Ledger(home.folder / "stand-in" / "ledger.json")
    for stack in home.stacks_with_pending():
        options = ["--stack", stack, "--cwd", str(project), "--non-interactive"]
        document = json.loads(_run([cli, "stack", "export", *options], environment))
        about = settle(document["deployment"], ledger)
        _run([cli, "stack", "import", *options], environment, json.dumps(document))
        yield f"Interrupted operations of stack {stack}: {', '.join(about)}."


def settle(deployment: dict[str, Any], ledger: Ledger) -> list[str]:
    """Turn pending operations into resources that are half made; returns what was done with each."""
    resources = deployment.setdefault("resources", [])
    by_urn = {resource["urn"]: resource for resource in resources if not resource.get("delete")}
    ids = {entry.urn: entry.identifier for entry in ledger.all().values()}
    done = []
    for operation in deployment.pop("pending_operations", None) or []:
        urn, kind = operation["resource"]["urn"], operation["type"]
        name = urn.rpartition("::")[2]
        if kind not in _HALF:
            done.append(f"{name} ({kind}: nothing was changed)")
        elif urn in by_urn:
            by_urn[urn]["initErrors"] = [INTERRUPTED]
            done.append(f"{name} ({kind}: is looked after by the next up)")
        elif kind == "creating" and urn in ids:
            # What it depends on was complete before its own making began, and so comes before it.
            half = {**operation["resource"], "id": ids[urn], "initErrors": [INTERRUPTED]}
            resources.append(half)
            by_urn[urn] = half
            done.append(f"{name} (its creation had begun: the next up completes it)")
        else:
            done.append(f"{name} (its creation had not begun)")
    return done


def _run(command: list[str | Path], environment: dict[str, str], given: str | None = None) -> str:
    done = subprocess.run(command, env=environment, input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RecoveryError(done.stderr.strip())
    return done.stdout


def main() -> None:
    """Entry point for the launcher, which names the CLI; the environment is that of the command to come."""
    try:
        for sentence in repair(Path(sys.argv[1]), Home.for_this_clone(), dict(os.environ)):
            print(sentence, flush=True)
    except RecoveryError as error:
        print(f"What a killed pulumi left could not be repaired: {error}")


if __name__ == "__main__":
    main()
