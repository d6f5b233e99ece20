"""Data disks: made only when blank, grown, never overwritten; mounted by a unit."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from hosts.agent.operations import disks
from hosts.agent.results import OperationError
from hosts.states import FileSystem, Mount
from tests.hosts.conftest import Scratch

DISK = FileSystem(device="/dev/lun0", label="data", mounted_at="/data")
MOUNT = Mount(device="/dev/lun0", path="/data")
SIZE = 1 << 30


def disk(scratch: Scratch, head: bytes = b"") -> Path:
    device = scratch.root / "dev/lun0"
    device.parent.mkdir()
    with device.open("wb") as image:
        image.write(head)
        image.truncate(SIZE)
    return device


def xfs(size: int, unfinished: bool = False) -> bytes:
    head = bytearray(512)
    struct.pack_into(">4sIQ", head, 0, b"XFSB", 4096, size // 4096)
    head[126] = unfinished
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "differences", "command"),
    [
        (b"", ["blank disk"], "mkfs.xfs -q -L data DEVICE"),
        (xfs(SIZE), [], None),
        (xfs(SIZE, unfinished=True), ["its making was interrupted"], "mkfs.xfs -q -f -L data DEVICE"),
        (xfs(SIZE // 2), ["512 MiB on a disk of 1024 MiB"], "xfs_growfs ROOT/data"),
    ],
    ids=["blank", "made", "half made", "grown disk"],
)
def test_a_disk(scratch: Scratch, head: bytes, differences: list[str], command: str | None) -> None:
    device = disk(scratch, head)
    scratch.table.answers = {"blkid": "", "mkfs.xfs": "", "xfs_growfs": ""}
    assert scratch.compare(DISK) == differences
    if command is not None:
        scratch.apply(DISK)
        assert scratch.table.calls[-1] == command.replace("DEVICE", str(device)).replace("ROOT", str(scratch.root))


@pytest.mark.parametrize(
    ("head", "signature", "reason"),
    [(b"\0" * 1024 + b"\x53\xef", "ext4\n", "it holds ext4"), (b"someone's data", "", "it holds something unknown")],
)
def test_a_disk_that_holds_something_else_is_never_overwritten(
    scratch: Scratch, head: bytes, signature: str, reason: str
) -> None:
    disk(scratch, head)
    scratch.table.answers = {"blkid": signature}
    with pytest.raises(OperationError, match=f"{reason}.; it is not overwritten"):
        scratch.compare(DISK)


def test_a_disk_that_is_not_attached_is_named(scratch: Scratch) -> None:
    with pytest.raises(OperationError, match="no disk /dev/lun0"):
        scratch.compare(DISK)


@pytest.mark.skipif(shutil.which("mkfs.xfs") is None, reason="needs mkfs.xfs")
def test_what_mkfs_makes_is_read_back(tmp_path: Path) -> None:
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.xfs", "-q", image], check=True)
    size, unfinished = disks.superblock(image) or (0, True)
    assert abs(size - SIZE) < disks.SPARE
    assert not unfinished


def test_a_mount_is_a_unit_of_its_own(scratch: Scratch) -> None:
    (scratch.root / "etc/systemd/system").mkdir(parents=True)
    scratch.table.answers = {"systemctl": ""}
    assert scratch.compare(MOUNT) == ["no mount unit", "not mounted at boot", "not mounted"]
    scratch.apply(MOUNT)
    unit = (scratch.root / "etc/systemd/system/data.mount").read_text()
    assert "What=/dev/lun0\nWhere=/data\nType=xfs\n" in unit
    assert scratch.table.calls == ["systemctl daemon-reload", "systemctl enable --now data.mount"]


@pytest.mark.parametrize(("path", "unit"), [("/data", "data.mount"), ("/srv/files", "srv-files.mount")])
def test_a_mount_units_name(path: str, unit: str) -> None:
    assert disks.unit_of(path) == unit
