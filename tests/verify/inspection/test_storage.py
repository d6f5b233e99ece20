"""What is wrong with a file system, and the look at those of this machine."""

from __future__ import annotations

import subprocess

import pytest

from verify.inspection import storage

MIB = 1 << 20
GIB = 1 << 30


@pytest.mark.parametrize(
    ("seen", "problem"),
    [
        (("/", "ext4", 30 * GIB, 20 * GIB, "written"), ""),
        (("/", "ext4", 30 * GIB, 2 * GIB, "written"), "/ is nearly full: 2048 of 30720 MiB free"),
        # A container's root is on the machine's disk, a tenth of which may be far more than it needs.
        (("/", "overlay", 500 * GIB, 20 * GIB, "written"), ""),
        (("/", "overlay", 500 * GIB, GIB // 2, "written"), "/ is nearly full: 512 of 512000 MiB free"),
        (
            ("/data", "xfs", 4 * GIB, 0, "head: write error: No space left on device"),
            "/data is full: 0 of 4096 MiB free",
        ),
        # The small file that is written to find out may still fit.
        (("/data", "ext4", 4 * GIB, 0, "written"), "/data is full: 0 of 4096 MiB free"),
        (("/data", "ext4", 4 * GIB, 16 * MIB - 1, "written"), "/data is full: 15 of 4096 MiB free"),
        (("/data", "ext4", 4 * GIB, 16 * MIB, "written"), "/data is nearly full: 16 of 4096 MiB free"),
        (
            ("/data", "xfs", 4 * GIB, 3 * GIB, "mktemp: failed to create file: Read-only file system"),
            "/data is mounted read-only",
        ),
        (
            ("/data", "xfs", 4 * GIB, 3 * GIB, "mktemp: failed to create file: Input/output error"),
            "/data cannot be written: Input/output error",
        ),
        (
            ("/data", "xfs", 4 * GIB, 3 * GIB, "mktemp: No space left on device"),
            "/data cannot be written: No space left on device",
        ),
    ],
)
def test_what_is_wrong_with_a_file_system(seen: tuple[str, str, int, int, str], problem: str) -> None:
    place, kind, size, free, written = seen
    assert storage.problem(place, kind, str(size), str(free), written) == problem


def test_the_look_writes_to_each_file_system_and_leaves_nothing() -> None:
    done = subprocess.run(["sh", "-c", storage.LOOK], capture_output=True, text=True, check=True)
    found = [line.split(maxsplit=4) for line in done.stdout.splitlines()]
    for words in found:
        assert len(words) == 5
        assert int(words[2]) >= int(words[3])
