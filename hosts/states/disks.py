"""File systems on data disks."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class FileSystem(State):
    """An XFS file system on a whole disk, made only when the disk is blank.

    A disk that holds anything else is an error, never overwritten. A file system smaller than its disk (which
    was enlarged) is grown where it is mounted.
    """

    kind = "file system"
    device: str
    """Stable path, e.g. ``/dev/disk/azure/scsi1/lun0``."""
    label: str
    mounted_at: str

    @property
    def name(self) -> str:
        return self.device


@dataclass(frozen=True, kw_only=True)
class Mount(State):
    """A file system mounted now and at every boot, by a `.mount` unit of its own."""

    kind = "mount"
    device: str
    path: str
    file_system: str = "xfs"
    options: str = "noatime"

    @property
    def name(self) -> str:
        return self.path
