"""`python3 -m rehearsal.toolchain GOAL [ARGUMENT…]`: what the make targets call."""

from __future__ import annotations

import os
import sys

from rehearsal.toolchain import goals
from rehearsal.toolchain.trouble import Trouble

GOALS = {
    "rehearse": goals.rehearse,
    "test": goals.test,
    "preview": goals.preview,
    "tools": goals.tools,
    "world": goals.world,
}


def main(arguments: list[str]) -> int:
    """Run a goal; returns only when it fails, or is done without becoming another program."""
    if not arguments or arguments[0] not in GOALS:
        print(f"Which goal? One of: {', '.join(GOALS)}.", file=sys.stderr)
        return 1
    # What is made for all users of the machine must be readable by them, whatever the shell's mask says.
    os.umask(0o022)
    try:
        GOALS[arguments[0]](arguments[1:])
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return trouble.code
    except KeyboardInterrupt:
        print("Stopped. What is done is kept; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
