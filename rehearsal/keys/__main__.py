"""`python -m rehearsal.keys [STACK_FILE…]`: make the keys of this clone's rehearsal and say where they are."""

from __future__ import annotations

import sys
from pathlib import Path

from console import ExpectedError, console
from rehearsal.base.settings import Settings
from rehearsal.keys.ensure import ensure
from toolchain.pulumi_home import stack_files


def main() -> int:
    files = [Path(argument) for argument in sys.argv[1:]] or list(stack_files().values())
    try:
        keys = ensure(Settings.for_this_clone(), *files)
    except ExpectedError as error:
        console.print(f"[red]{error}[/]", soft_wrap=True)
        return int(error.code)
    made = ", ".join(keys.made) if keys.made else "nothing; all were there"
    console.print(f"Keys in {keys.folder}: made {made}.", soft_wrap=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
