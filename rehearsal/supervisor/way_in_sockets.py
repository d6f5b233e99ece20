"""The supervisor's side of the way in: a Unix socket for each vantage point."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from landscape.parties import VANTAGE_POINTS
from rehearsal.base.world import World

CONNECT_SECONDS = 10.0
_CHUNK = 64 * 1024


def open_all(world: World) -> None:
    """Open the sockets of all vantage points, and serve them in threads for as long as the supervisor runs."""
    for vantage in VANTAGE_POINTS:
        listening = _listen(world.settings.way_in(vantage))
        threading.Thread(target=_accept, args=(world, vantage, listening), name=f"{vantage}", daemon=True).start()


def _listen(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    path.chmod(0o600)
    listening.listen(64)
    return listening


def _accept(world: World, vantage: str, listening: socket.socket) -> None:
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=_serve, args=(world, vantage, connection), daemon=True).start()


def _serve(world: World, vantage: str, connection: socket.socket) -> None:
    with connection:
        try:
            host, port = _first_line(connection).split()
            far = world.namespaces.connect(vantage, (host, int(port)), CONNECT_SECONDS)
        except (OSError, ValueError) as error:
            reason = "timed out" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            _answer(connection, reason)
            return
        _answer(connection, "")
        with far:
            back = threading.Thread(target=_pass_on, args=(far, connection), daemon=True)
            back.start()
            _pass_on(connection, far)
            back.join()


def _first_line(connection: socket.socket) -> str:
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte or len(line) > 300:
            raise ValueError("expected a line HOST PORT")
        line += byte
    return line.decode()


def _answer(connection: socket.socket, reason: str) -> None:
    try:
        connection.sendall(f"{reason}\n".encode())
    except OSError:
        return  # the client has given up; it needs no answer any more


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    """Pass bytes on until the source ends, then close the target's input."""
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        # One side broke off: end both, so that the other direction ends too.
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
