"""Copies of what living hosts wrote: layers of their roots, and their disks.

Both are for frozen hosts. A layer is read through the same page cache that the hosts wrote to, so it needs
no flush. Where the file system can share blocks between files (XFS, Btrfs), a copy takes none.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

from rehearsal.base.handler import HandlerError
from rehearsal.base.loops import Loop
from rehearsal.base.mounts import run

OPAQUE = "trusted.overlay.opaque"
"""On a folder of an upper layer: nothing of the layers below it shows through."""

TRIES = 20


def copy_layer(upper: Path, target: Path, living: bool = False) -> None:
    """Copy an overlay's upper layer with all that makes it one: whiteouts, opaque folders, owners, attributes.

    ``living``: it changes meanwhile, so what is not there any more when its turn has come is no error.
    """
    target.mkdir(exist_ok=True)
    command = ["cp", "--archive", "--reflink=auto", "--no-target-directory", str(upper), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    wrong = [line for line in done.stderr.splitlines() if not (living and line.endswith("No such file or directory"))]
    if done.returncode and (wrong or not living):
        raise HandlerError(f"{upper} could not be copied: {'; '.join(wrong[:3]) or done.returncode}")


def share_layer(layer: Path, target: Path) -> None:
    """A copy whose files are the same ones: layers are never written to."""
    run("cp", "--archive", "--link", "--no-target-directory", str(layer), str(target))


def make_way(upper: Path, layer: Path) -> None:
    """Remove from a layer all that ``upper`` shows in another way, so that `copy_layer` can put it there.

    Afterwards both are one layer that shows the same as the two did, one above the other.
    """
    for folder, folders, files in os.walk(upper):
        below = layer / Path(folder).relative_to(upper)
        if not below.is_dir() or below.is_symlink():
            continue
        for name in files:
            _remove(below / name)
        for name in folders:
            one, other = Path(folder, name), below / name
            if one.is_symlink() or other.is_symlink() or not other.is_dir() or _is_opaque(one):
                _remove(other)


def allocated(folder: Path) -> int:
    """Bytes that the files below a folder take on the disk; one with several names counts once."""
    seen: set[int] = set()
    total = 0
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            about = Path(path, name).lstat()
            if about.st_nlink > 1 and not stat.S_ISDIR(about.st_mode):
                if about.st_ino in seen:
                    continue
                seen.add(about.st_ino)
            total += about.st_blocks * 512
    return total


def flush(leader: int, loop: Loop) -> None:
    """Write what a host's file systems on a disk hold in memory to the disk, and to the file behind it."""
    for place in _mounted(leader, loop.number):
        run("sync", "--file-system", f"/proc/{leader}/root{place}")
    descriptor = os.open(loop.device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def copy_disk(loop: Loop, target: Path) -> None:
    """Copy a disk as it is at one instant, sparse as it is.

    Nobody writes to it but the kernel, which now and then tidies a file system's own log. A copy during which it
    did so is thrown away: the device counts its writes.
    """
    for _ in range(TRIES):
        before = _writes(loop)
        copy_file(loop.file, target)
        if before == (after := _writes(loop)) and after[1] == 0:
            return
    raise HandlerError(
        f"{loop.file.name} was written to {TRIES} times while it was being copied, although everything was frozen."
    )


def copy_file(source: Path, target: Path) -> None:
    """Copy a sparse file."""
    target.unlink(missing_ok=True)
    run("cp", "--reflink=auto", "--sparse=auto", str(source), str(target))
    target.chmod(0o600)


def remove_trees(trees: list[Path]) -> None:
    """Remove folders, out of the way of whatever else wants the processor."""
    if trees:
        run("nice", "-n", "19", "rm", "-rf", "--", *map(str, trees))


def _writes(loop: Loop) -> tuple[int, int]:
    """How many writes the device has done, and how many of anything are under way."""
    fields = Path(f"/sys/block/{loop.device.name}/stat").read_text().split()
    return int(fields[4]), int(fields[8])


def _mounted(leader: int, number: int) -> Iterator[str]:
    """Where a host has mounted the loop device of this minor number."""
    for line in Path(f"/proc/{leader}/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == f"7:{number}":
            yield fields[4].encode().decode("unicode_escape")


def _is_opaque(folder: Path) -> bool:
    return OPAQUE in os.listxattr(folder) and os.getxattr(folder, OPAQUE) == b"y"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
