"""What the launcher adds to the real CLI: `python -m benchmarks.launcher`.

The processor time of `pulumi version` with both, measured alternately; the ratio compares the lowest of each. Processor
time, because a busy machine affects the wall clock.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.table import Table

from console import ExpectedError, console
from toolchain.launcher import find_cli

ROUNDS = 10
LAUNCHER = Path(sys.prefix) / "bin" / "pulumi"


def main() -> None:
    """Print both times and their ratio."""
    cli = find_cli()
    if cli is None:
        raise ExpectedError("There is no Pulumi CLI yet.", hint="make tools")
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "LIVEGANG_STATE": state}
        _seconds(LAUNCHER, environment)  # makes the stack, once
        rounds = [(_seconds(LAUNCHER, environment), _seconds(cli, environment)) for _ in range(ROUNDS)]
    launched, bare = (min(times) for times in zip(*rounds, strict=True))
    table = Table("", "processor seconds", box=None)
    table.add_row("the launcher", f"{launched:.3f}")
    table.add_row("the bare CLI", f"{bare:.3f}")
    table.add_row("ratio", f"{launched / bare:.2f}")
    console.print(table)


def _seconds(command: Path, environment: dict[str, str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([command, "version"], env=environment, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
