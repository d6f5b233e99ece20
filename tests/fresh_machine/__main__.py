"""`.venv/bin/python -m tests.fresh_machine FOLDER [OPTIONS] [-- COMMAND…]`; see the package's docstring."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from tests.fresh_machine import bootstrap, walk
from tests.fresh_machine.machine import PATH, Machine
from toolchain.folders import cache


def main() -> int:
    """Exit code 0 when all went as it must."""
    parser = argparse.ArgumentParser(prog=".venv/bin/python -m tests.fresh_machine", description=__doc__)
    parser.add_argument("folder", type=Path, help="scratch folder outside the clone, on ext4 or xfs")
    parser.add_argument(
        "--toolchain",
        choices=["cached", "go", "none"],
        default="cached",
        help="the Pulumi CLI there: from this machine's cache, built with its Go, or as the installer gives it",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder; the next run goes on with it")
    end = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    options, command = parser.parse_args(sys.argv[1:end]), sys.argv[end + 1 :]
    if os.geteuid() != 0:
        parser.error("booting a machine needs root")
    if shutil.which("mmdebstrap") is None or shutil.which("systemd-nspawn") is None:
        parser.error("mmdebstrap and systemd-nspawn are needed: apt-get install mmdebstrap systemd-container")
    folder: Path = options.folder.resolve()
    root = folder / "root"
    if not root.exists():
        folder.mkdir(parents=True, exist_ok=True)
        bootstrap.make(folder / "partial")
        (folder / "partial").rename(root)
    bootstrap.put_project(root)
    try:
        return _walk(root, options.toolchain, command)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def _walk(root: Path, toolchain: str, command: list[str]) -> int:
    environment = bootstrap.way_out_variables()
    binds: dict[Path, str] = {}
    if toolchain == "cached":
        binds[cache() / "pulumi"] = "/var/cache/livegang/pulumi"
    elif toolchain == "go":
        go = shutil.which("go")
        if go is None:
            sys.exit("There is no `go` on PATH here that could be lent to the fresh machine.")
        binds[Path(go).resolve().parent.parent] = "/usr/local/go"
        environment["PATH"] = f"{PATH}:/usr/local/go/bin"
    is_cloned = (root / walk.CLONE.lstrip("/")).exists()
    is_prepared = (root / "usr/bin/mmdebstrap").exists()
    with Machine(root, binds, environment) as machine:
        if failed := walk.go(machine, walk.PULLING if is_cloned else walk.CLONING):
            return _say(failed)
        if command:
            return machine.run(command, folder=walk.CLONE).returncode
        if failed := walk.go(machine, [*(() if is_prepared else walk.REFUSALS), *walk.CHAIN]):
            return _say(failed)
    with Machine(root, binds, environment) as machine:
        return _say(walk.go(machine, walk.REBOOTED))


def _say(failed: list[str]) -> int:
    print("\n".join(failed) or "All went as it must.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
