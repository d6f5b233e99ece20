"""File systems on data disks, and their mounts."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from hosts.agent.host import Host
from hosts.agent.operations import atomic, units
from hosts.agent.results import Difference, OperationError
from hosts.states import FileSystem, Mount

SPARE = 64 << 20
"""A file system that leaves less of its disk unused than this (bytes) is not worth growing."""


def superblock(device: Path) -> tuple[int, bool] | None:
    """Size in bytes of the XFS on a device and whether its making was interrupted; None where there is no XFS."""
    with device.open("rb") as disk:
        head = disk.read(512)
    if head[:4] != b"XFSB":
        return None
    block_size, blocks = struct.unpack_from(">IQ", head, 4)
    return block_size * blocks, head[126] != 0


def size_of(device: Path) -> int:
    """Size of a block device (or an image file) in bytes."""
    with device.open("rb") as disk:
        return disk.seek(0, os.SEEK_END)


def compare_file_system(state: FileSystem, host: Host) -> list[Difference]:
    device = host.path(state.device)
    if not device.exists():
        raise OperationError(f"the host has no disk {state.device}: is it attached?")
    if found := superblock(device):
        size, unfinished = found
        if unfinished:
            return [Difference("its making was interrupted")]
        if size_of(device) - size > SPARE:
            return [Difference(f"{size >> 20} MiB on a disk of {size_of(device) >> 20} MiB")]
        return []
    other = host.run(
        ["blkid", "--probe", "--match-tag", "TYPE", "--output", "value", str(device)], accept=(0, 2)
    ).strip()
    with device.open("rb") as disk:
        blank = not any(disk.read(1 << 20))
    if other or not blank:
        raise OperationError(f"the disk is not blank (it holds {other or 'something unknown'}); it is not overwritten")
    return [Difference("blank disk")]


def apply_file_system(state: FileSystem, host: Host) -> None:
    device = host.path(state.device)
    found = superblock(device)
    if found is None or found[1]:
        force = ["-f"] if found else []
        host.run(["mkfs.xfs", "-q", *force, "-L", state.label, str(device)], timeout=300)
    else:
        host.run(["xfs_growfs", str(host.path(state.mounted_at))], timeout=300)


def unit_of(path: str) -> str:
    """The name systemd wants for a mount unit; for plain paths, which are all that roles use."""
    return path.strip("/").replace("/", "-") + ".mount"


def _unit_file(state: Mount) -> str:
    return (
        f"[Unit]\nDescription=Data disk at {state.path}\n\n"
        f"[Mount]\nWhat={state.device}\nWhere={state.path}\nType={state.file_system}\nOptions={state.options}\n\n"
        f"[Install]\nWantedBy=multi-user.target\n"
    )


def compare_mount(state: Mount, host: Host) -> list[Difference]:
    differences = []
    file = host.path(f"/etc/systemd/system/{unit_of(state.path)}")
    if not file.exists() or file.read_text() != _unit_file(state):
        differences.append(Difference("other mount unit" if file.exists() else "no mount unit"))
    wanted = host.path(f"/etc/systemd/system/multi-user.target.wants/{unit_of(state.path)}")
    if not wanted.is_symlink():
        differences.append(Difference("not mounted at boot"))
    place, device = host.path(state.path), host.path(state.device)
    if not place.is_dir() or not os.path.ismount(place):
        differences.append(Difference("not mounted"))
    elif device.exists() and place.stat().st_dev != device.stat().st_rdev:
        raise OperationError(f"another file system than {state.device} is mounted at {state.path}")
    return differences


def apply_mount(state: Mount, host: Host) -> None:
    unit = unit_of(state.path)
    file = host.path(f"/etc/systemd/system/{unit}")
    if not file.exists() or file.read_text() != _unit_file(state):
        atomic.write(host, file, _unit_file(state).encode(), "root", "root", 0o644)
        units.read_units(host)
    host.run(["systemctl", "enable", "--now", unit])
