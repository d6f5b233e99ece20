"""Requests at a steady pace from the Internet side of a living rehearsal, while something is broken."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.living import STACK, Rehearsal

PROGRAM = Path(__file__).with_name("steady_load.py")


@contextmanager
def steady_load(rehearsal: Rehearsal, per_second: int) -> Iterator[dict[str, Any]]:
    """Every endpoint's health in turn, from the vantage point outside; the yielded dict has the outcome afterwards.

    ``sent`` requests, ``seconds``, and ``failed``: of each that failed when, which, and why.
    """
    urls = [f"https://{end.host_name}{end.health_path}" for end in rehearsal.inventory.endpoints.values()]
    rehearsal.ssh("outside", f"cat > /run/load.py <<'END'\n{PROGRAM.read_text()}END\n")
    words = shlex.join(["python3", "/run/load.py", str(per_second), *urls])
    # Its standard input is the lifeline: when this end closes it, the program is asked to end.
    command = f"{words} & cat > /dev/null; kill -TERM $!; wait"
    configuration = rehearsal.folder / ".livegang" / STACK / "ssh_config"
    outcome: dict[str, Any] = {}
    with subprocess.Popen(
        ["ssh", "-F", str(configuration), "outside", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=rehearsal.folder,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield outcome
        finally:
            process.stdin.close()
            try:
                outcome |= json.loads(process.stdout.readline())
            except BaseException:
                process.kill()  # or leaving this block would wait for it for ever
                raise
