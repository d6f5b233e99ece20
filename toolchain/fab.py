"""`.venv/bin/fab`: Fabric's own command, which also exits with one line when it is interrupted while it loads.

Fabric and this project's tasks take a second to import. Without this, Ctrl-C in that second is a traceback, and SIGTERM
prints nothing.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Entry point: becomes Fabric's once everything is loaded."""
    before = {number: signal.signal(number, _end) for number in ENDING}

    from fabric.main import program  # only now: this is what takes its time

    execute = program.execute

    def loaded() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        execute()

    program.execute = loaded
    try:
        sys.exit(program.run())
    except BrokenPipeError:  # `fab --list | head`: the rest is not wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _end(number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Interrupted while loading: nothing was done.\n")
    os._exit(128 + number)
