"""Loop devices that end with the supervisor: each clears itself when the last descriptor on it is closed."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path

# linux/loop.h
_SET_CAPACITY = 0x4C07
_CONFIGURE = 0x4C0A
_GET_FREE = 0x4C82
_FLAG_AUTOCLEAR = 4


@dataclass
class Loop:
    """A file as a block device, for as long as it is held."""

    device: Path
    file: Path
    _descriptor: int

    @property
    def number(self) -> int:
        """Minor number; the major number of loop devices is 7."""
        return os.minor(self.device.stat().st_rdev)

    def grow(self) -> None:
        """Let the device take the size that its file has now."""
        fcntl.ioctl(self._descriptor, _SET_CAPACITY)

    def close(self) -> None:
        """Let it go: the kernel detaches it when no one else has it open."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def attach(file: Path) -> Loop:
    """Attach ``file`` to a free loop device."""
    backing = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    try:
        while True:
            device = _free_device()
            descriptor = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(descriptor, _CONFIGURE, _configuration(backing, file))
            except OSError as error:
                os.close(descriptor)
                if error.errno != errno.EBUSY:  # busy: another process took it first
                    raise
            else:
                return Loop(device, file, descriptor)
    finally:
        os.close(backing)


def _free_device() -> Path:
    control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
    try:
        return Path(f"/dev/loop{fcntl.ioctl(control, _GET_FREE)}")
    finally:
        os.close(control)


def _configuration(backing: int, file: Path) -> bytes:
    """struct loop_config: descriptor, block size, struct loop_info64, reserved."""
    name = os.fsencode(file)[-63:]  # only what `losetup` shows
    info = struct.pack("<QQQQQIIII64s64s32sQQ", *[0] * 8, _FLAG_AUTOCLEAR, name, b"", b"", 0, 0)
    return struct.pack("<II", backing, 0) + info + bytes(64)
