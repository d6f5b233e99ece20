"""Whether a host's file systems have room and can be written: asked by writing, for only that proves it."""

from __future__ import annotations

LOOK = r"""
findmnt -rnb -o TARGET,FSTYPE,SIZE,AVAIL -t ext4,xfs,btrfs,overlay,ext3,zfs |
grep -Ev '^/(dev|proc|run|sys)(/|$)' | while read -r place rest; do
place=$(printf '%b' "$place")
said=$(f=$(mktemp -p "$place" .livegang-readiness.XXXXXX 2>&1) || { echo "$f"; exit; }
head -c 65536 /dev/zero 2>&1 >"$f" && sync "$f" 2>&1 && echo written; rm -f "$f")
echo "$place $rest" $said
done"""
"""Each file system with kind, size and bytes free, and what came of writing 64 KiB to it."""
LEAST_SHARE_FREE = 0.1
"""As the alert DiskFilling has it."""
LEAST_FREE_BELOW = 1 << 30
"""Bytes, where the disk below is shared."""


def trouble(place: str, kind: str, size: str, free: str, written: str) -> str:
    """What is wrong with a file system of which the sizes are in bytes; empty when nothing is."""
    least = int(size) * LEAST_SHARE_FREE
    if kind == "overlay":  # A host that is a container: the disk below is the machine's, which others use as well.
        least = min(least, LEAST_FREE_BELOW)
    if "Read-only" in written:
        return f"{place} is mounted read-only"
    if int(free) < least:
        share = f"{int(free) >> 20} of {int(size) >> 20} MiB free"
        return f"{place} is {'full' if 'No space' in written else 'nearly full'}: {share}"
    return "" if written == "written" else f"{place} cannot be written: {written.rpartition(': ')[2]}"
