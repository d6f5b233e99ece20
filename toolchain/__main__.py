"""`python3 -m toolchain GOAL [ARGUMENT…]`: what the make targets call."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType

from toolchain import goals
from toolchain.errors import SetupError

GOALS = {
    "rehearse": goals.rehearse,
    "test": goals.test,
    "unit": goals.unit,
    "lint": goals.lint,
    "preview": goals.preview,
    "tools": goals.tools,
    "world": goals.world,
}


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a goal as Ctrl-C does."""


def main(arguments: list[str]) -> int:
    """Run a goal. Returns its exit code, unless the goal becomes another program."""
    if not arguments or arguments[0] not in GOALS:
        print(f"Which goal? One of: {', '.join(GOALS)}.", file=sys.stderr)
        return 1
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a character that the terminal lacks is no reason to fail
            stream.reconfigure(errors="replace")
    # The cache serves all users of the machine: they must be able to read it, whatever the shell's umask is.
    os.umask(0o022)
    # SIGINT too: a shell starts background processes with SIGINT ignored. What a goal becomes has its own handlers.
    before = [(number, signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM)]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        GOALS[arguments[0]](arguments[1:])
    except SetupError as error:
        print(error, file=sys.stderr)
        return error.code
    except KeyboardInterrupt as interruption:
        print("Stopped. What was finished is kept; the same command continues from here.", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(interruption, Terminated) else signal.SIGINT)
    finally:
        for number, handler in before:
            signal.signal(number, handler)
    return 0


def _terminate(_number: int, _frame: FrameType | None) -> None:
    raise Terminated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
