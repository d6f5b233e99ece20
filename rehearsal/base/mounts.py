"""Overlays: a root of one's own on an image that many share."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rehearsal.base.handler import HandlerError

BELOW = "below"
"""Link in a host's folder to the snapshot's layer that its root lies on, itself on the image."""


@dataclass(frozen=True)
class Overlay:
    """``folder/root`` shows the image ``lower`` with what ``folder/upper`` changes."""

    lower: Path
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    def exists(self) -> bool:
        """Whether something was written there before, mounted or not."""
        return (self.folder / "upper").is_dir()

    def mount(self) -> None:
        """Mount it; nothing happens where it is mounted already."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(exist_ok=True)
        if os.path.ismount(self.root):
            return
        below = ":".join(map(str, self._below()))
        layers = f"lowerdir={below},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        run("mount", "-t", "overlay", "livegang", "-o", layers, str(self.root))

    def _below(self) -> list[Path]:
        link = self.folder / BELOW
        if not link.is_symlink():
            return [self.lower]
        if not link.exists():
            raise HandlerError(f"{self.folder.name} lies on a snapshot that was removed by hand: {link.readlink()}")
        return [link.resolve(), self.lower]

    def unmount(self) -> None:
        if os.path.ismount(self.root):
            run("umount", str(self.root))

    def remove(self) -> None:
        """Unmount it and remove what was written."""
        self.unmount()
        if self.folder.exists():
            shutil.rmtree(self.folder)


def run(*argv: str) -> None:
    """Run one of the machine's commands; raises HandlerError with what it said."""
    result = subprocess.run(argv, capture_output=True, text=True, check=False)
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise HandlerError(f"`{' '.join(argv)}` ended with {result.returncode}: {said or 'nothing was said'}")
