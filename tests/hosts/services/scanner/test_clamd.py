"""clamd's protocol, against a server in its place that records what it is sent."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.services.scanner.clamd import Clamd, ClamdError


class Server:
    """Stands for clamd: answers each connection with the next of its answers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: list[bytes] = []
        self.received: list[bytes] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                data = b""
                while not (data.endswith(b"\0\0\0\0") or data == b"zVERSION\0"):
                    data += connection.recv(65536)
                self.received.append(data)
                connection.sendall(self.answers.pop(0))

    def close(self) -> None:
        self._listening.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "clamd.ctl")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"stream: OK\0", "OK"),
        (b"stream: Livegang.Eicar.UNOFFICIAL FOUND\0", "Livegang.Eicar.UNOFFICIAL FOUND"),
        (b"INSTREAM size limit exceeded. ERROR\0", "INSTREAM size limit exceeded. ERROR"),
    ],
)
def test_a_file_is_streamed_and_answered(server: Server, answer: bytes, expected: str) -> None:
    server.answers = [answer]
    assert Clamd(server.path).scan(io.BytesIO(b"Akte")) == expected
    assert server.received == [b"zINSTREAM\0\0\0\0\x04Akte\0\0\0\0"]


@pytest.mark.parametrize("answer", [b"", b"UNKNOWN COMMAND\0"])
def test_no_answer_is_no_verdict(server: Server, answer: bytes) -> None:
    server.answers = [answer]
    with pytest.raises(ClamdError):
        Clamd(server.path).scan(io.BytesIO(b"Akte"))


def test_a_clamd_that_is_not_there_is_reported(tmp_path: Path) -> None:
    reason = Clamd(tmp_path / "none").unfit(False, 1.0)
    assert reason is not None
    assert "does not listen" in reason


YESTERDAY = time.strftime("%a %b %d %H:%M:%S %Y", time.localtime(time.time() - 86400))
FOUND = b"stream: Eicar FOUND\0"


@pytest.mark.parametrize(
    ("signed", "answers", "reason"),
    [
        (False, [FOUND, b"ClamAV 1.4.6\0"], None),
        (False, [b"stream: OK\0", b"ClamAV 1.4.6\0"], "does not find the test file"),
        (True, [FOUND, f"ClamAV 1.4.6/27800/{YESTERDAY}\0".encode()], None),
        (True, [FOUND, b"ClamAV 1.4.6\0"], "no signed database yet"),
        (True, [FOUND, b"ClamAV 1.4.6/20000/Mon Jan  1 09:00:00 2024\0"], "too old"),
    ],
)
def test_its_word_counts_only_with_fresh_signatures(
    server: Server, signed: bool, answers: list[bytes], reason: str | None
) -> None:
    server.answers = answers
    found = Clamd(server.path).unfit(signed, 2 * 86400.0)
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)
