"""Whether something failed because the host cannot write: a file system that is full, or mounted read-only.

One such file system makes everything that uses it fail, each with its own message. It is reported once, as the cause.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hosts.agent.host import Host

SIGNS = re.compile(
    r"No space left on device|Disk quota exceeded|Read-only file system|read-only file system|enough free space|ENOSPC"
)
"""How the kernel, dpkg, apt and services say it."""
PSEUDO = re.compile(r"/(dev|proc|run|sys)(/|$)")
FULL_BELOW = 16 << 20
"""Bytes available to services, a segment of PostgreSQL's log; with less a file system counts as full."""


def cause(host: Host, message: str) -> str | None:
    """Which file system explains a failure with this message; None when none does."""
    if not SIGNS.search(message):
        return None
    return "; ".join(problems(host)) or None


def problems(host: Host) -> list[str]:
    """Every file system of the host that is full or read-only, one sentence each."""
    found = {}
    for line in host.path("/proc/mounts").read_text().splitlines():
        device, place, kind, options = line.split()[:4]
        place = place.encode().decode("unicode_escape")
        if PSEUDO.match(place) or not (device.startswith("/dev/") or kind in ("overlay", "tmpfs", "zfs")):
            continue
        found[place] = _problem(host.path(place), place, options)
    return [problem for problem in found.values() if problem]


def _problem(path: Path, place: str, options: str) -> str:
    if "ro" in options.split(","):
        return f"{place} is mounted read-only"
    try:
        room = os.statvfs(path)
    except OSError as error:
        return f"{place} cannot be looked at: {error.strerror}"
    size, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
    if free < FULL_BELOW < size:
        return f"{place} is full: {free >> 10} KiB of {size >> 20} MiB are free"
    if room.f_files and not room.f_favail:
        return f"{place} is full: it has no inode free"
    return ""
