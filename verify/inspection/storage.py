"""Whether a host's file systems have room and can be written, which only writing proves."""

from __future__ import annotations

from hosts.agent.storage import FULL_BELOW

LOOK = r"""
findmnt -rnb -o TARGET,FSTYPE,SIZE,AVAIL -t ext4,xfs,btrfs,overlay,ext3,zfs |
grep -Ev '^/(dev|proc|run|sys)(/|$)' | while read -r place rest; do
place=$(printf '%b' "$place")
said=$(f=$(mktemp -p "$place" .livegang-readiness.XXXXXX 2>&1) || { echo "$f"; exit; }
head -c 65536 /dev/zero 2>&1 >"$f" && sync "$f" 2>&1 && echo written; rm -f "$f")
echo "$place $rest" $said
done"""
"""Shell: prints a line for each file system with type, size, free bytes, and the result of writing 64 KiB to it."""
LEAST_SHARE_FREE = 0.1
"""The same as in the alert DiskFilling."""
LEAST_FREE_BELOW = 1 << 30
"""Bytes, for a file system that shares its disk."""


def problem(place: str, kind: str, size: str, free: str, written: str) -> str:
    """What is wrong with a file system, whose sizes are in bytes; empty if nothing is."""
    least = int(size) * LEAST_SHARE_FREE
    if kind == "overlay":  # A host that is a container shares the machine's disk.
        least = min(least, LEAST_FREE_BELOW)
    if "Read-only" in written:
        return f"{place} is mounted read-only"
    if int(free) < least:
        # What is written to find out may still fit where what a service needs does not.
        full = "No space" in written or int(free) < FULL_BELOW
        share = f"{int(free) >> 20} of {int(size) >> 20} MiB free"
        return f"{place} is {'full' if full else 'nearly full'}: {share}"
    return "" if written == "written" else f"{place} cannot be written: {written.rpartition(': ')[2]}"
