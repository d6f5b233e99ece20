"""The probe that compares a server's time with this machine's clock."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from verify.inspection.probes import clock


class Server:
    """An NTP server on the loopback whose clock is off."""

    def __init__(self, off: float, echoes: bool = True) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self._off, self._echoes = off, echoes
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        question, client = self.socket.recvfrom(1024)
        stamped = time.time() + self._off + clock.EPOCH
        stamp = struct.pack(">II", int(stamped), int(stamped % 1 * 2**32))
        origin = question[40:48] if self._echoes else bytes(8)
        self.socket.sendto(bytes([0x24, 8, 0, 0]) + bytes(20) + origin + stamp + stamp, client)


@pytest.fixture(params=[0.0, 5.0, -3600.0])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Server, float]]:
    made = Server(request.param)
    yield made, request.param
    made.socket.close()


def test_the_offset_of_a_server_is_measured(server: tuple[Server, float]) -> None:
    made, off = server
    begun = time.time()
    answer = clock.ask("127.0.0.1", made.port, 60)
    # Which part of the exchange was the way there and which the way back cannot be known: so precise is the result.
    precision = (time.time() - begun) / 2
    assert answer["offset"] == pytest.approx(off, abs=precision + 1e-3)
    assert (answer["leap"], answer["stratum"]) == (0, 8)


def test_an_answer_to_someone_else_is_none() -> None:
    made = Server(0.0, echoes=False)
    assert clock.ask("127.0.0.1", made.port, 60) == {"error": "an answer to another question"}
    made.socket.close()
