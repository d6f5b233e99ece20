"""The way in: a door of the supervisor, and the client that ssh starts as its ProxyCommand."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rehearsal.base import settings as settings_module
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.supervisor import way_in_sockets


class ThisNamespace:
    """Connects from where the test runs, and notes from which vantage point it was asked to."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def connect(self, name: str, target: tuple[str, int], timeout: float) -> socket.socket:
        self.asked.append(name)
        if target[1] == 9:
            raise TimeoutError
        return socket.create_connection(target, timeout=timeout)


@pytest.fixture
def namespaces(settings: Settings) -> ThisNamespace:
    found = ThisNamespace()
    way_in_sockets.open_all(cast(World, SimpleNamespace(settings=settings, namespaces=found)))
    return found


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that answers what it gets, once, turned round."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            received = b""
            while data := connection.recv(65536):
                received += data
            connection.sendall(received[::-1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]


def come_in(settings: Settings, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    client = (
        "import sys; from pathlib import Path; import rehearsal.base.settings as s; s.RUNTIME = Path(sys.argv.pop(1));"
        "from rehearsal.control.way_in import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", client, str(settings_module.RUNTIME), *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=300,
        env={**os.environ, "LIVEGANG_STATE": str(settings.state)},
    )


def test_bytes_pass_both_ways_and_the_end_too(settings: Settings, namespaces: ThisNamespace, echo: int) -> None:
    given = bytes(range(256)) * 4000
    result = come_in(settings, "operator", "127.0.0.1", str(echo), given=given)
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout == given[::-1]
    assert namespaces.asked == ["operator"]


def test_what_times_out_is_said_to(settings: Settings, namespaces: ThisNamespace) -> None:
    result = come_in(settings, "outside", "127.0.0.1", "9")
    assert result.returncode == 1
    assert b"127.0.0.1:9 does not answer outside: timed out" in result.stderr


def test_without_a_rehearsal_it_says_what_to_do(settings: Settings) -> None:
    result = come_in(settings, "operator", "127.0.0.1", "22")
    assert result.returncode == 1
    assert str(settings.state).encode() in result.stderr
    assert b"fab infra.up" in result.stderr


def test_a_client_that_says_nonsense_is_reported_so(settings: Settings, namespaces: ThisNamespace) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(settings.way_in("outside")))
        connection.sendall(b"hello\n")
        assert connection.recv(1000) != b"\n"
        assert connection.recv(1000) == b""


def test_the_client_imports_little_because_ssh_starts_it_for_each_connection() -> None:
    code = "import sys, rehearsal.control.way_in; print('\\n'.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"subprocess", "rich", "invoke", "pydantic", "console", "json"} & set(loaded)
    assert Path(way_in_sockets.__file__).stem not in {name.rpartition(".")[2] for name in loaded if "rehearsal" in name}
