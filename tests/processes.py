"""The processes of this machine, read from /proc: a fresh Debian has no ps."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def command_lines() -> dict[int, str]:
    """The arguments of all processes, by process id."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            found[int(file.parent.name)] = file.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return found
