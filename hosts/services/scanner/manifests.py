"""Manifests: lists of SHA-256 sums in the form that ``sha256sum`` writes, also with ``--tag``."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

LARGEST = 16 * 2**20
"""Bytes; about 100,000 files."""
_PLAIN = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_TAGGED = re.compile(r"(\\?)SHA256 \((.+)\) = ([0-9a-fA-F]{64})")
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}


class ManifestError(ValueError):
    """A line that cannot be used; the message has its number and what would be right."""


def is_manifest(path: str) -> bool:
    """By its name: ``anything.sha256`` or ``SHA256SUMS``."""
    name = path.rpartition("/")[2]
    return name.lower().endswith(".sha256") or name.upper() == "SHA256SUMS"


def parse(content: bytes, folder: str) -> dict[str, set[str]]:
    """Sums by path relative to the drop; ``folder`` is the manifest's own, from which its paths start.

    Raises ManifestError: then no line of it counts, for a manifest that is wrong in one place is not to be trusted
    in others.
    """
    if len(content) > LARGEST:
        raise ManifestError(f"the manifest has more than {LARGEST // 2**20} MiB: send several smaller ones")
    sums: dict[str, set[str]] = {}
    text = content.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.removesuffix("\r")
        if not line or line.startswith("#"):
            continue
        name, digest = _entry(line, number)
        sums.setdefault(_path(name, folder, number), set()).add(digest)
    if not sums:
        raise ManifestError("the manifest names no file: right would be lines as sha256sum writes them")
    return sums


def _entry(line: str, number: int) -> tuple[str, str]:
    if match := _PLAIN.fullmatch(line):
        escaped, digest, name = match.groups()
    elif match := _TAGGED.fullmatch(line):
        escaped, name, digest = match.groups()
    else:
        raise ManifestError(f"line {number} of the manifest is not as sha256sum writes it: SUM, two spaces, NAME")
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda found: _ESCAPES[found[0]], name)
    return name, digest.lower()


def _path(name: str, folder: str, number: int) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name or not parts:
        raise ManifestError(
            f"line {number} of the manifest names a file outside its own folder: write NAME or FOLDER/NAME"
        )
    return "/".join([folder, *parts] if folder else parts)
