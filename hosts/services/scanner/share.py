"""The share, through one smbclient that is kept: a few milliseconds a file, where a connection for each would take most
of a tenth of a second.

smbclient is given its orders on standard input, so that no document's name is ever on a command line, one line each,
and after each an order that it does not know: its complaint marks the end of the answer. `stdbuf -i0` lets it read no
further than the line: it would wait for more otherwise. It says nothing of what went well.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import select
import subprocess
import time
from pathlib import Path

MARK = "livegang-end"
END = f"{MARK}: command not found\n".encode()
LONGEST_ORDER = 8000
"""Bytes of one line that smbclient reads whole."""
SECONDS = 60.0
"""For any order; and one more for each of :data:`SLOWEST` bytes."""
SLOWEST = 512 * 1024
CHUNK = 1024 * 1024

REFUSED = {
    "NT_STATUS_OBJECT_PATH_NOT_FOUND": "the share has a file where a folder of its path should be",
    "NT_STATUS_NOT_A_DIRECTORY": "the share has a file where a folder of its path should be",
    "NT_STATUS_OBJECT_NAME_INVALID": "the file host takes no such name",
    "NT_STATUS_OBJECT_PATH_SYNTAX_BAD": "the file host takes no such name",
    "NT_STATUS_NAME_TOO_LONG": "its name or path is too long for the file host",
    "NT_STATUS_ACCESS_DENIED": "the account has no right to its place in the share",
    "NT_STATUS_SHARING_VIOLATION": "somebody has the file open in the share",
    "NT_STATUS_FILE_IS_A_DIRECTORY": "the share has a folder of this name",
}
"""Answers that concern the one file; all others concern the share, and then everything waits."""


GONE = re.compile(
    r"NT_STATUS_(CONNECTION_|NETWORK_|HOST_|INVALID_CONNECTION|INVALID_NETWORK|IO_TIMEOUT|USER_SESSION|PIPE_|END_OF_FILE"
    r"|MEDIA_WRITE_PROTECTED|INSUFF_SERVER_RESOURCES)"
)
"""What is said of a share that is away, or takes nothing at the moment."""
FULL = ("NT_STATUS_DISK_FULL", "NT_STATUS_DISK_QUOTA_EXCEEDED", "NT_STATUS_QUOTA_EXCEEDED")


class ShareUnavailable(Exception):
    """The share cannot be used at the moment: no connection, no right to it, its disk full."""


class OutcomeUnknown(ShareUnavailable):
    """Something went wrong that may be the share's fault, or one file's."""


class Refused(Exception):
    """The share takes everything but this file."""


class Exists(Exception):
    """Something of this name is there."""


class Share:
    """One share; connects when it is first used, and again after it was away."""

    def __init__(self, server: str, share: str, credentials: Path, scratch: Path, client: tuple[str, ...] = ()) -> None:
        self._place = f"//{server}/{share}"
        words = ("-t", "30", "-m", "SMB3_11", "--option=clientminprotocol=SMB3_11", "--client-protection=encrypt")
        # -E: what it says goes to standard error, which nothing buffers.
        self._command = client or (
            "stdbuf", "-i0", "smbclient", "-E", "-d0", *words, "-A", str(credentials), self._place,
        )  # fmt: skip
        self._pipe = scratch / "read-back"
        self._process: subprocess.Popen[bytes] | None = None

    def make_folder(self, path: str) -> None:
        """Make a folder; one that is there already is as good. Raises Refused where a file is there instead."""
        with contextlib.suppress(Exists):
            self._order("mkdir", path)

    def upload(self, source: int, path: str, size: int) -> None:
        """Bring a file, by its descriptor, to ``path``, or what is missing of it there."""
        # By its descriptor in /proc: what was compared is what is sent, and no name is needed.
        self._order("reput", f"/proc/{os.getpid()}/fd/{source}", path, size=size)

    def rename(self, path: str, target: str) -> None:
        """Raises Exists where something is at ``target`` already: it is not touched."""
        self._order("rename", path, target)

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is as good."""
        self._order("rm", path, accept=("NT_STATUS_NO_SUCH_FILE", "NT_STATUS_OBJECT_NAME_NOT_FOUND"))

    def sum_of(self, path: str, size: int) -> str | None:
        """SHA-256 of what the share gives back for ``path``; None where there is no file. ``size``: about how much."""
        self._pipe.unlink(missing_ok=True)
        os.mkfifo(self._pipe, 0o600)
        reading = os.open(self._pipe, os.O_RDONLY | os.O_NONBLOCK)
        digest = hashlib.sha256()
        try:
            missing = ("NT_STATUS_OBJECT_NAME_NOT_FOUND", "NT_STATUS_OBJECT_PATH_NOT_FOUND", "NT_STATUS_NO_SUCH_FILE")
            said = self._order("get", path, str(self._pipe), accept=missing, size=size, into=(reading, digest))
        finally:
            os.close(reading)
            self._pipe.unlink()
        return None if said else digest.hexdigest()

    def close(self) -> None:
        """End the client; the next use connects anew."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stderr):
                if stream is not None:
                    stream.close()
            self._process = None

    def _order(
        self,
        verb: str,
        *words: str,
        accept: tuple[str, ...] = (),
        size: int = 0,
        into: tuple[int, hashlib._Hash] | None = None,
    ) -> str:
        """One order and its answer. Raises by what the answer says, unless it is one to ``accept``."""
        quoted = [f'"{word}"' if word.startswith("/") else '"' + word.replace("/", "\\") + '"' for word in words]
        line = " ".join([verb, *quoted])
        if len(line.encode()) > LONGEST_ORDER or '"' in "".join(words) or "\n" in line:
            raise Refused("its path is too long or holds what cannot be sent: it stays in clean")
        deadline = time.monotonic() + SECONDS + size / SLOWEST
        if self._process is None:
            self._connect(deadline)
        said = self._ask(line, deadline, into)
        if not said:
            return ""
        found = re.search(r"NT_STATUS_[A-Z0-9_]+", said)
        status = found[0] if found else ""
        if status in accept:
            return status
        if status == "NT_STATUS_OBJECT_NAME_COLLISION":
            raise Exists
        if status in REFUSED:
            raise Refused(f"{REFUSED[status]} ({status})")
        self.close()
        if status in FULL:
            raise ShareUnavailable(f"the file host's disk is full ({status})")
        if GONE.match(status):
            raise ShareUnavailable(f"{self._place} is away ({status})")
        raise OutcomeUnknown(f"{verb} is answered with {status or 'no status'}")

    def _connect(self, deadline: float) -> None:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0
        )
        self._ask("", deadline, None)

    def _ask(self, line: str, deadline: float, into: tuple[int, hashlib._Hash] | None) -> str:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stderr is not None
        answer = b""
        try:
            self._process.stdin.write(f"{line}\n{MARK}\n".encode("utf-8", "surrogateescape"))
            while not answer.endswith(END):
                sources = [self._process.stderr.fileno(), *([into[0]] if into else [])]
                ready, _, _ = select.select(sources, [], [], max(deadline - time.monotonic(), 0))
                if not ready:
                    raise ShareUnavailable(f"{self._place} gave no answer in time")
                if into and into[0] in ready and not _drain(*into):
                    # Nobody has the pipe open: not yet, or not any more.
                    select.select(sources[:1], [], [], 0.01)
                if sources[0] in ready:
                    part = os.read(sources[0], CHUNK)
                    if not part:
                        raise ShareUnavailable(f"{self._place} cannot be used: {_last_line(answer)}")
                    answer += part
        except BrokenPipeError:
            rest = self._process.stderr.read() or b""
            self.close()
            raise ShareUnavailable(f"{self._place} cannot be used: {_last_line(answer + rest)}") from None
        except ShareUnavailable:
            self.close()
            raise
        if into:
            while _drain(*into):
                pass
        return answer.removesuffix(END).decode("utf-8", "replace").strip() if line else ""


def _drain(pipe: int, digest: hashlib._Hash) -> bool:
    """Take what is in the pipe; False when there is nothing."""
    try:
        part = os.read(pipe, CHUNK)
    except BlockingIOError:
        return False
    digest.update(part)
    return bool(part)


def _last_line(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "the client ended without a word"
