"""Service containers: the stand-ins for Azure's own services, each with a root and processes of its own.

A container runs from the edge image in a network namespace that the network family made. Its root is an
overlay that is fresh at each start: what is to last is bound in. /run and /tmp are empty tmpfs at the start of
its first process, so folders below them are that process's to make.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from console.waiting import wait_until
from rehearsal.base import nspawn
from rehearsal.base.cgroups import ROOT, Cgroup, Usage
from rehearsal.base.handler import HandlerError
from rehearsal.base.mounts import Overlay
from rehearsal.base.namespaces import Namespaces

START_SECONDS = 10.0


@dataclass(frozen=True)
class File:
    """A file of a container with a mode or owner other than 0644 root:root."""

    content: bytes
    mode: int = 0o600
    owner: str = "root"
    """User (with the user's own group) as the edge image's /etc/passwd knows it."""


Content = bytes | str | Path | File
"""What is at a path: its content, or the machine's file or folder that is bound there read-only."""


@dataclass
class _Container:
    name: str
    namespace: str
    argv: list[str]
    files: dict[str, Content]
    binds: dict[str, Path]
    environment: dict[str, str]
    overlay: Overlay
    cgroup: Cgroup
    log: Path
    process: subprocess.Popen[bytes] | None = None


class Containers:
    """The service containers of one world, by name. May be used from several threads."""

    def __init__(self, folder: Path, logs: Path, edge_image: Path, namespaces: Namespaces) -> None:
        self._folder = folder
        self._logs = logs
        self._image = edge_image
        self._namespaces = namespaces
        self._lock = threading.RLock()
        self._one_at_a_time: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)
        self._containers: dict[str, _Container] = {}

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
        with self._alone(name):
            self.stop(name)
            container = _Container(
                name,
                namespace,
                list(argv),
                dict(files or {}),
                dict(binds or {}),
                dict(environment or {}),
                Overlay(self._image, self._folder / name),
                Cgroup(ROOT / "services" / name),
                self._logs / f"{name}.log",
            )
            with self._lock:
                self._containers[name] = container
            self._boot(container)

    def write(self, name: str, files: Mapping[str, Content]) -> None:
        """Put files into the living container; its processes notice at ``reload``. Binds cannot be added."""
        container = self._get(name)
        for path, content in files.items():
            if isinstance(content, Path):
                raise HandlerError(f"{content} cannot be bound into {name} while it runs: restart it.")
            _write(container.overlay.root, path, content)
            container.files[path] = content

    def restart(self, name: str) -> None:
        """End it and start it with what it was started with, and what was written since."""
        with self._alone(name):
            container = self._get(name)
            self._end(container)
            self._boot(container)

    def revive(self, name: str) -> None:
        """Restart it if it has ended; one that lives, or was stopped on purpose, is left alone."""
        with self._lock:
            if name in self._containers and not self.alive(name):
                self.restart(name)

    def reload(self, name: str, number: signal.Signals = signal.SIGHUP) -> None:
        """Send a signal to the container's first process."""
        process = self._get(name).cgroup.inner(2)
        if process is None:
            raise HandlerError(f"The service {name} has ended.\n{self.log_end(name)}")
        os.kill(process, number)

    def stop(self, name: str) -> None:
        """End it and remove its root; nothing happens if there is none."""
        with self._alone(name):
            with self._lock:
                container = self._containers.pop(name, None)
            if container is not None:
                self._end(container)

    def stop_all(self, at_once: bool = False) -> None:
        """End all, side by side; ``at_once``: without a chance to end by themselves."""
        with self._lock:
            containers = list(self._containers.values())
            self._containers.clear()
            if at_once:
                for container in containers:
                    container.cgroup.kill()
            with ThreadPoolExecutor(max(1, len(containers))) as pool:
                list(pool.map(self._end, containers))

    def names(self) -> list[str]:
        with self._lock:
            return sorted(self._containers)

    def alive(self, name: str) -> bool:
        with self._lock:
            container = self._containers.get(name)
        return container is not None and container.process is not None and container.process.poll() is None

    def log_end(self, name: str, lines: int = 30) -> str:
        """The end of what its processes wrote, for errors."""
        return nspawn.end_of(self._logs / f"{name}.log", lines)

    def run(self, name: str, argv: Sequence[str], input: str | None = None, timeout: float = 30) -> str:
        """Run a command inside; returns its standard output. Raises HandlerError with its errors."""
        return nspawn.run(f"service {name}", self.leader(name), argv, input, timeout)

    def leader(self, name: str) -> int | None:
        """Its PID 1, a stub, as this process sees it."""
        return self._get(name).cgroup.inner(1)

    def usage(self, name: str) -> Usage:
        return self._get(name).cgroup.usage()

    def _alone(self, name: str) -> threading.RLock:
        """For who starts or ends this one; others are started and ended meanwhile."""
        with self._lock:
            return self._one_at_a_time[name]

    def _get(self, name: str) -> _Container:
        with self._lock:
            container = self._containers.get(name)
            known = ", ".join(self._containers) or "none"
        if container is None:
            raise HandlerError(f"There is no service {name}; there are: {known}.")
        return container

    def _boot(self, container: _Container) -> None:
        if not self._namespaces.exists(container.namespace):
            raise HandlerError(f"The service {container.name} belongs into {container.namespace}, which is not there.")
        container.overlay.remove()
        container.overlay.mount()
        bound: list[str] = []
        for path, content in container.files.items():
            if isinstance(content, Path):
                bound.append(f"--bind-ro={content}:{path}")
            else:
                _write(container.overlay.root, path, content)
        bound += [f"--bind={outside}:{inside}" for inside, outside in container.binds.items()]
        argv = [
            *nspawn.arguments(container.name, container.overlay.root, self._namespaces.path(container.namespace)),
            "--as-pid2",
            "--console=pipe",
            *bound,
            *[f"--setenv={name}={value}" for name, value in container.environment.items()],
            "--",
            *container.argv,
        ]
        container.process = nspawn.spawn(container.cgroup, argv, container.log, {})
        self._wait_until_started(container, container.process)

    def _wait_until_started(self, container: _Container, process: subprocess.Popen[bytes]) -> None:
        def started() -> bool:
            if container.cgroup.inner(2):
                return True
            if process.poll() is not None:
                raise HandlerError(
                    f"The service {container.name} ended at once with {process.returncode}.\n"
                    + self.log_end(container.name)
                )
            return False

        if not wait_until(started, START_SECONDS, every=0.01):
            raise HandlerError(
                f"The service {container.name} did not start in {START_SECONDS:.0f} s.\n{self.log_end(container.name)}"
            )

    def _end(self, container: _Container) -> None:
        """SIGTERM to its first process, and after a second the end of all."""
        if (first := container.cgroup.inner(2)) is not None:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGTERM)
            container.cgroup.wait_empty(1)
        container.cgroup.remove()
        if container.process is not None:
            container.process.wait()
        container.overlay.remove()


def _write(root: Path, path: str, content: bytes | str | File) -> None:
    file = content if isinstance(content, File) else File(_bytes(content), 0o644)
    target = root / path.lstrip("/")
    if not target.parent.resolve().is_relative_to(root.resolve()):  # a link such as /var/run, which is absolute
        raise HandlerError(f"{path} leads out of the service's root; name the folder itself.")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(file.content)
        if file.owner != "root":
            os.fchown(opened.fileno(), *_ids(root, file.owner))
        os.fchmod(opened.fileno(), file.mode)
    temporary.replace(target)


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _ids(root: Path, user: str) -> tuple[int, int]:
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == user:
            return int(uid), int(gid)
    raise HandlerError(f"The edge image has no user {user}.")
