"""Services of the edge image for tests, by chroot in a namespace: what the supervisor's containers do with nspawn."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal import image
from rehearsal.base.containers import Content, File
from rehearsal.base.handler import HandlerError
from rehearsal.base.namespaces import Namespaces
from toolchain.folders import cache


def edge_image() -> Path:
    """The built image; the test is skipped where there is none, or where only root could use it."""
    if os.geteuid() != 0:
        pytest.skip("needs root: the edge image belongs to it")
    try:
        return image.existing(cache()).edge
    except ExpectedError as error:
        pytest.skip(f"needs the edge image: {error.reason}")


class Chrooted:
    """Has the methods of Containers that the DNS family uses. Its processes end with the test's PID namespace."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._image = edge_image()
        self._folder = Path(tempfile.mkdtemp(dir="/run"))
        self._started: dict[str, tuple[str, list[str], dict[str, Content]]] = {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, namespace: str, argv: Sequence[str], files: Mapping[str, Content] | None = None) -> None:
        self._started[name] = (namespace, list(argv), dict(files or {}))
        root, upper, work = (self._folder / name / part for part in ("root", "upper", "work"))
        if not root.exists():
            for folder in (root, upper, work):
                folder.mkdir(parents=True)
            options = f"lowerdir={self._image},upperdir={upper},workdir={work}"
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
            subprocess.run(["mount", "-t", "proc", "proc", str(root / "proc")], check=True)
            subprocess.run(["mount", "--rbind", "/dev", str(root / "dev")], check=True)
        self.write(name, files or {})
        with open(self._folder / f"{name}.log", "ab") as log:
            self._processes[name] = subprocess.Popen(
                self._enter(name, argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def write(self, name: str, files: Mapping[str, Content]) -> None:
        self._started[name][2].update(files)
        for path, content in files.items():
            target = self._folder / name / "root" / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            assert not isinstance(content, Path)
            data = content.content if isinstance(content, File) else content
            target.write_bytes(data.encode() if isinstance(data, str) else data)
            target.chmod(content.mode if isinstance(content, File) else 0o644)

    def restart(self, name: str) -> None:
        self.start(name, *self._started[name])

    def reload(self, name: str, number: signal.Signals = signal.SIGHUP) -> None:
        self._processes[name].send_signal(number)

    def alive(self, name: str) -> bool:
        return name in self._processes and self._processes[name].poll() is None

    def kill(self, name: str) -> None:
        self._processes[name].kill()
        self._processes[name].wait()

    def log_end(self, name: str, lines: int = 30) -> str:
        return "\n".join((self._folder / f"{name}.log").read_text().splitlines()[-lines:])

    def run(self, name: str, argv: Sequence[str], input: str | None = None, timeout: float = 30) -> str:
        result = subprocess.run(
            self._enter(name, argv), input=input, capture_output=True, text=True, check=False, timeout=timeout
        )
        if result.returncode != 0:
            raise HandlerError(f"`{' '.join(argv)}` ended with {result.returncode}: {result.stderr or result.stdout}")
        return result.stdout

    def _enter(self, name: str, argv: Sequence[str]) -> list[str]:
        network = self._namespaces.path(self._started[name][0])
        return ["nsenter", f"--net={network}", "--", "chroot", str(self._folder / name / "root"), *argv]
