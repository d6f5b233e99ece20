"""Nine bare boots: `systemd-nspawn --boot` on overlays of the same image with the same seeds, and nothing around.

Run by :mod:`benchmarks.boots` below `unshare`, with the seeds on standard input; prints the seconds until every
host's cloud-init was done. It is what the rehearsal's own boots are compared with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rehearsal.base import cgroups, nspawn
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.mounts import Overlay
from rehearsal.machines.seed import Seed

LIMIT = 300.0


def main() -> None:
    request: dict[str, Any] = json.load(sys.stdin)
    _private_mounts()
    folder, base = Path(request["folder"]), Path(request["base"])
    overlays = {name: Overlay(base, folder / name) for name in request["machines"]}
    for name, properties in request["machines"].items():
        overlays[name].mount()
        Seed.of(f"/bare/{name}", properties).write(overlays[name].root)
    started = time.monotonic()
    groups = [_boot(name, overlay, folder) for name, overlay in overlays.items()]
    _wait(list(overlays.values()), started)
    print(json.dumps({"seconds": time.monotonic() - started}), flush=True)
    for group in groups:
        group.remove()
    for overlay in overlays.values():
        overlay.unmount()


def _private_mounts() -> None:
    for command in (
        ["mount", "-t", "tmpfs", "-o", "mode=755", "bare", "/run/systemd/nspawn"],
        ["mount", "-t", "cgroup2", "cgroup2", str(cgroups.ROOT)],
    ):
        Path(command[-1]).mkdir(parents=True, exist_ok=True)
        subprocess.run(command, check=True)
    own = Cgroup(cgroups.ROOT / "bare")
    own.create()
    (own.path / "cgroup.procs").write_text(str(os.getpid()))


def _boot(name: str, overlay: Overlay, folder: Path) -> Cgroup:
    group = Cgroup(cgroups.ROOT / "hosts" / name)
    argv = [
        "systemd-nspawn",
        "--quiet",
        f"--directory={overlay.root}",
        f"--machine={name}",
        "--register=no",
        "--keep-unit",
        "--private-network",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--boot",
        "--console=passive",
    ]
    nspawn.spawn(group, argv, folder / f"{name}.log", {})
    return group


def _wait(overlays: list[Overlay], started: float) -> None:
    while not all(any((one.root / "var/lib/cloud/instances").glob("*/boot-finished")) for one in overlays):
        if time.monotonic() - started > LIMIT:
            sys.exit(f"cloud-init of the bare hosts was not done after {LIMIT:.0f} s")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
