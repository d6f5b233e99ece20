"""clamd, over its socket. Files are streamed to it: it needs no right to any folder of ours."""

from __future__ import annotations

import re
import socket
import struct
import time
from pathlib import Path
from typing import BinaryIO

CHUNK = 256 * 1024
SECONDS = 300.0
"""Longer than clamd's own limit of time for one file."""
_SIGNED = re.compile(r"ClamAV [^/]+/(\d+)/(.+)")
_TEST = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*"
"""The industry's harmless test file, in pieces: whole, it would be found in this very file."""


class ClamdError(Exception):
    """clamd did not answer, or not with an answer: nothing is known of the file."""


class Clamd:
    """A client; each question is a connection of its own, as clamd closes it after the answer."""

    def __init__(self, path: Path, seconds: float = SECONDS) -> None:
        self._path = path
        self._seconds = seconds

    def version(self) -> str:
        """Its version, and the number and date of the signed database where it has one."""
        return self._ask(b"zVERSION\0")

    def scan(self, file: BinaryIO) -> str:
        """``OK``, ``NAME FOUND`` or ``REASON ERROR``. Raises ClamdError when there is no such answer."""
        with self._connected() as connection:
            try:
                connection.sendall(b"zINSTREAM\0")
                while chunk := file.read(CHUNK):
                    connection.sendall(struct.pack(">I", len(chunk)) + chunk)
                connection.sendall(struct.pack(">I", 0))
            except (BrokenPipeError, ConnectionResetError):
                pass  # It has seen enough, e.g. too much: the answer says so, or its absence does.
            except OSError as error:
                raise ClamdError(f"clamd takes nothing: {error}") from error
            answer = self._answer(connection).removeprefix("stream: ")
        if answer == "OK" or answer.endswith((" FOUND", " ERROR")):
            return answer
        raise ClamdError(f"clamd answers {answer[:100]!r}")

    def unfit(self, signed: bool, oldest: float) -> str | None:
        """Why its word does not count now; None when it finds the test file and its signatures are fresh enough."""
        import io

        try:
            answer = self.scan(io.BytesIO(_TEST.encode()))
            version = self.version()
        except ClamdError as error:
            return str(error)
        if not answer.endswith(" FOUND"):
            return f"clamd does not find the test file: {answer}"
        if not signed:
            return None
        match = _SIGNED.fullmatch(version)
        if match is None:
            return f"clamd has no signed database yet: {version}"
        made = time.mktime(time.strptime(match[2], "%a %b %d %H:%M:%S %Y"))
        if time.time() - made > oldest:
            return f"clamd's database is too old: {version}"
        return None

    def _ask(self, command: bytes) -> str:
        with self._connected() as connection:
            try:
                connection.sendall(command)
            except OSError as error:
                raise ClamdError(f"clamd takes nothing: {error}") from error
            return self._answer(connection)

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(self._seconds)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise ClamdError(f"clamd does not listen at {self._path}: {error}") from error
        return connection

    def _answer(self, connection: socket.socket) -> str:
        answer = b""
        try:
            while part := connection.recv(4096):
                answer += part
        except OSError as error:
            if not answer:
                raise ClamdError(f"clamd gives no answer: {error}") from error
        if not answer:
            raise ClamdError("clamd ended without an answer")
        return answer.rstrip(b"\0\n").decode("utf-8", "replace")
