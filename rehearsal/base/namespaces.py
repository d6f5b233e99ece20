"""Network namespaces by name: made, entered, listened in, connected from.

Their names are mounts below /run/netns. The supervisor lives in a mount namespace of its own where that is a private
tmpfs, so no name ever shows on the machine and the supervisor's end frees them all. A socket belongs to the namespace
in which it was created and may be used from anywhere afterwards: that is how the supervisor serves, and connects from,
places whose network it is not in.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from rehearsal.base.handler import HandlerError

CLONE_NEWNET = 0x40000000
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

Result = TypeVar("Result")

_libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(HandlerError):
    """A namespace is missing, or a command in it failed; the message has the command and what it said."""


class Namespaces:
    """The named network namespaces of one rehearsal. Every method may be called from any thread."""

    def __init__(self, folder: Path = Path("/run/netns")) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def path(self, name: str) -> Path:
        """What `nsenter --net=` and systemd-nspawn's `--network-namespace-path=` take."""
        return self.folder / name

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.folder.iterdir()) if self.folder.is_dir() else []

    def create(self, name: str) -> None:
        """Make it with its loopback up and IPv6 off; one that is there already stays as it is."""
        with self._lock:
            if self.exists(name):
                return
            _run(["ip", "netns", "add", name], None)
        # Nothing in the landscape speaks IPv6, and a second protocol would bypass rules written for the first.
        for scope in ("all", "default"):
            self.sysctl(name, f"net.ipv6.conf.{scope}.disable_ipv6", 1)
        self.run(name, ["ip", "link", "set", "lo", "up"])

    def delete(self, name: str) -> None:
        """Remove it; what still runs inside keeps it alive namelessly. To remove what is not there is no error."""
        with self._lock:
            if self.exists(name):
                _run(["ip", "netns", "delete", name], None)

    def run(self, name: str, argv: Sequence[str], input: str | None = None) -> str:
        """Run a command of the machine inside and return its standard output.

        Raises NamespaceError when it ends other than with 0, with its standard error.
        """
        self._require(name)
        return _run(["nsenter", f"--net={self.path(name)}", "--", *argv], input, place=name)

    def inside(self, name: str, function: Callable[[], Result]) -> Result:
        """Call ``function`` in a thread of its own that is inside; sockets it creates belong there."""
        self._require(name)
        results: list[Result] = []
        errors: list[BaseException] = []

        def enter() -> None:
            try:
                descriptor = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
                try:
                    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
                        code = ctypes.get_errno()
                        raise OSError(code, f"cannot enter network namespace {name}: {os.strerror(code)}")
                finally:
                    os.close(descriptor)
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - it is raised again where the caller is
                errors.append(error)

        # The thread is never used again: it stays in that namespace until it ends.
        thread = threading.Thread(target=enter, name=f"inside {name}", daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def listen(self, name: str, address: str, port: int, kind: int | Literal["tcp", "udp"] = "tcp") -> socket.socket:
        """A bound socket inside; for TCP it listens already. The caller closes it."""
        number = KINDS[kind] if isinstance(kind, str) else kind

        def bind() -> socket.socket:
            bound = socket.socket(socket.AF_INET, number)
            try:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind((address, port))
                if number == socket.SOCK_STREAM:
                    bound.listen(128)
            except OSError:
                bound.close()
                raise
            return bound

        return self.inside(name, bind)

    def connect(self, name: str, target: tuple[str, int], timeout: float) -> socket.socket:
        """A TCP connection from inside to ``target``; raises OSError (TimeoutError after ``timeout`` seconds)."""

        def dial() -> socket.socket:
            connection = socket.create_connection(target, timeout=timeout)
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connection

        return self.inside(name, dial)

    def sysctl(self, name: str, key: str, value: int) -> None:
        """Set a `net.` kernel setting of this namespace; one that this kernel does not have is left out."""
        file = Path("/proc/sys") / key.replace(".", "/")

        def write() -> None:
            if file.exists():
                file.write_text(f"{value}\n")

        self.inside(name, write)

    def _require(self, name: str) -> None:
        if not self.exists(name):
            raise NamespaceError(
                f"There is no network namespace {name}; there are: {', '.join(self.names()) or 'none'}."
            )


def _run(argv: Sequence[str], input: str | None, place: str | None = None) -> str:
    result = subprocess.run(argv, input=input, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        where = f" in namespace {place}" if place else ""
        said = (result.stderr or result.stdout).strip() or "nothing was said"
        command = " ".join(argv if place is None else argv[3:])
        raise NamespaceError(f"`{command}`{where} ended with {result.returncode}: {said}")
    return result.stdout
