"""``python -m rehearsal.packages``: stage what the roles' states name, and let this clone's rehearsal serve it."""

import subprocess
import sys

from console import ExpectedError, console, step
from rehearsal import image, packages
from rehearsal.base.settings import Settings
from toolchain.folders import cache


def wanted() -> list[str]:
    """The packages of all roles. Asked in a process of its own: nothing here may import `hosts/`."""
    result = subprocess.run([sys.executable, "-m", "hosts.staging"], capture_output=True, text=True, check=False)
    if result.returncode:
        raise ExpectedError(f"`python -m hosts.staging` ended with {result.returncode}:\n{result.stderr.strip()}")
    return result.stdout.split()


if __name__ == "__main__":
    try:
        with step("Debian packages"):
            repository = packages.stage(
                cache(), image.existing(cache()), wanted(), lambda line: console.print(f"  [dim]{line}[/]")
            )
            packages.select(Settings.for_this_clone(), repository)
    except ExpectedError as error:
        sys.exit(str(error))
    console.print(str(repository))
