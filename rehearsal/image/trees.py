"""Building the images: root trees that overlays lie on, in the machine's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from console import ExpectedError
from rehearsal.base.locking import exclusive
from rehearsal.image import contents
from rehearsal.image.contents import BASE, EDGE, Contents

Log = Callable[[str], None]

RECIPE = 1
"""Raised when the images are built in another way from the same contents."""

_NOT_FOR_ALL = (
    # Else all hosts would share them, or they belong to the machine that built the image.
    "etc/ssh/ssh_host_*",
    "etc/resolv.conf",
    "etc/hostname",
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/*",
    "etc/apt/auth.conf.d/*",
    "var/lib/dbus/machine-id",
    "var/lib/apt/lists/*",
    "var/cache/apt/*",
    "var/log/*.log",
    "var/log/apt/*",
    "var/lib/systemd/random-seed",
)


@dataclass(frozen=True)
class Images:
    """The two root trees; they are read-only."""

    base: Path
    edge: Path


def existing(cache: Path) -> Images:
    """The images as this version of the toolkit wants them. Raises ExpectedError where they are not built yet."""
    folder = _folder(cache)
    if not folder.is_dir():
        raise ExpectedError(
            f"The host images are not built: {folder} is missing.",
            hint="Build them: .venv/bin/python -m rehearsal.image (make rehearse does it too)",
        )
    return Images(folder / BASE.name, folder / EDGE.name)


def build(cache: Path, log: Log) -> Images:
    """Build what is not there yet, both images side by side; the packages come from the machine's own apt sources.

    Raises ExpectedError with the end of mmdebstrap's output when that fails.
    """
    folder = _folder(cache)
    if not folder.is_dir():
        _check_tools()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(folder.parent / ".lock", "builds the images", log):
            if not folder.is_dir():
                _build_both(folder, log)
    return existing(cache)


def _build_both(folder: Path, log: Log) -> None:
    for left_over in folder.parent.glob("*.partial"):
        shutil.rmtree(left_over)
    partial = folder.with_suffix(".partial")
    partial.mkdir()
    partial.chmod(0o755)
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(_build, image, partial / image.name, log) for image in (BASE, EDGE)]:
            done.result()
    partial.rename(folder)


def _build(image: Contents, tree: Path, log: Log) -> None:
    command = ["mmdebstrap", "--mode=root", "--format=directory", "--variant=minbase"]
    command += [f"--include={','.join(image.packages)}", '--aptopt=Acquire::Languages "none"']
    command += [f"--dpkgopt={option}" for option in image.dpkg_options]
    # No mirror is named: mmdebstrap takes it from the machine's own sources.
    command += [contents.SUITE, str(tree)]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            if line.startswith("I: "):
                log(f"{image.name} image: {line[3:].rstrip()}")
    if process.returncode:
        raise ExpectedError(
            f"The {image.name} image could not be built: mmdebstrap ended with {process.returncode}.\n"
            + "\n".join(lines[-15:]),
            hint=f"It takes its packages from this machine's apt sources: does `apt-get update` work, "
            f"and do they have {contents.SUITE}?",
        )
    finish(image, tree)


def finish(image: Contents, tree: Path) -> None:
    """Take out of a fresh tree what hosts must not share, and put in what is our own."""
    for pattern in _NOT_FOR_ALL:
        # A link that leads nowhere is found by its name only, not by a pattern without wildcards.
        for path in tree.glob(pattern) if "*" in pattern else filter(os.path.lexists, [tree / pattern]):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    # Empty, not missing: a missing one makes systemd apply all presets at the first boot.
    (tree / "etc/machine-id").write_text("")
    for path_name, text in image.files.items():
        path = tree / path_name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tree / "var/lib/apt/lists/partial").mkdir(parents=True, exist_ok=True)
    (tree / "var/cache/apt/archives/partial").mkdir(parents=True, exist_ok=True)


def _folder(cache: Path) -> Path:
    """Named after all that the images are made from, so that a change makes new ones and keeps the old."""
    made_from = repr((RECIPE, contents.SUITE, BASE, EDGE, _NOT_FOR_ALL))
    return cache / "images" / hashlib.sha256(made_from.encode()).hexdigest()[:12]


def _check_tools() -> None:
    if os.geteuid() != 0:
        raise ExpectedError("Host images are built as root only.", hint="sudo make rehearse")
    if shutil.which("mmdebstrap") is None:
        raise ExpectedError("mmdebstrap is not installed.", hint="apt-get install mmdebstrap")
