"""`.venv/bin/fab`: Fabric's own command, which also exits with one line and the shell's code when it is interrupted.

Fabric and this project's tasks take a second to import. Without this, Ctrl-C in that second is a traceback, and later,
where a command says nothing of its own about it, it ends with 1 and no word, as Invoke does.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Entry point: becomes Fabric's once everything is loaded."""
    for number in ENDING:
        signal.signal(number, _end)

    from fabric.main import program  # only now: this is what takes its time

    execute = program.execute

    def loaded() -> None:
        for number in ENDING:
            signal.signal(number, _interrupt)
        execute()

    program.execute = loaded
    try:
        sys.exit(program.run())
    except BrokenPipeError:  # `fab --list | head`: the rest is not wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    """For commands that do not say themselves what an interruption left: see `console.interruptible`."""
    os.write(2, b"Interrupted.\n")
    raise SystemExit(128 + number)


def _end(number: int, _frame: FrameType | None) -> None:
    os.write(2, b"Interrupted while loading: nothing was done.\n")
    os._exit(128 + number)
