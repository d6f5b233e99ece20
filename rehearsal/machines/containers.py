"""Service containers: what stands for Azure's own services, each with a root and processes of its own.

A container runs from the edge image in a network namespace that the network family made. Its root is an
overlay that is fresh at each start: what is to last is bound in. /run and /tmp are empty tmpfs at the start of
its first process, so folders below them are that process's to make.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class File:
    """A file of a container with a mode or owner other than 0644 root:root."""

    content: bytes
    mode: int = 0o600
    owner: str = "root"
    """User (with the user's own group) as the edge image's /etc/passwd knows it."""


Content = bytes | str | Path | File
"""What stands at a path: its content, or the machine's file or folder that is bound there read-only."""


class Containers:
    """The service containers of one world, by name."""

    def start(
        self,
        name: str,
        namespace: str,
        argv: Sequence[str],
        files: Mapping[str, Content] | None = None,
        binds: Mapping[str, Path] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start ``argv`` with the overlay's ``files``, in ``namespace``; returns when it was exec'ed.

        ``binds`` are folders of the machine that the container may write to, by their path inside. A container
        of this name that lives is ended first. Raises HandlerError when it did not start.
        """
        raise NotImplementedError

    def write(self, name: str, files: Mapping[str, Content]) -> None:
        """Put files into the living container; its processes are told by ``reload``. Binds cannot be added."""
        raise NotImplementedError

    def restart(self, name: str) -> None:
        """End it and start it with what it was started with, and what was written since."""
        raise NotImplementedError

    def reload(self, name: str, number: signal.Signals = signal.SIGHUP) -> None:
        """Send a signal to the container's first process."""
        raise NotImplementedError

    def stop(self, name: str) -> None:
        """End it and remove its root; nothing happens if there is none."""
        raise NotImplementedError

    def alive(self, name: str) -> bool:
        raise NotImplementedError

    def log_end(self, name: str, lines: int = 30) -> str:
        """The end of what its processes wrote, for errors."""
        raise NotImplementedError

    def run(self, name: str, argv: Sequence[str], input: str | None = None, timeout: float = 30) -> str:  # noqa: A002
        """Run a command inside; returns its standard output. Raises HandlerError with its errors."""
        raise NotImplementedError
