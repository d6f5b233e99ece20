"""The way into the rehearsal's network: an ssh ProxyCommand that connects from one of its vantage points.

``livegang-way-in VANTAGE HOST PORT`` joins standard input and output to a TCP connection that the supervisor opens
from within the vantage point's network namespace. No route leads from the machine into the rehearsal or back.

ssh starts this for every connection, so it imports little. The client writes one line ``HOST PORT``, the
supervisor answers with one line, empty or the reason why not, and after that both pass on bytes.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from rehearsal.base.settings import Settings

_CHUNK = 64 * 1024


def main() -> None:
    """Entry point; exits with 1 and a sentence when there is no way."""
    if len(sys.argv) != 4:
        sys.exit("usage: livegang-way-in VANTAGE HOST PORT (as ssh's ProxyCommand)")
    vantage, host, port = sys.argv[1:]
    settings = Settings.for_this_clone()
    path = settings.way_in(vantage)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError as error:
        sys.exit(
            f"No rehearsal is running in {settings.state}, or it has no vantage point {vantage} "
            f"({error.strerror} at {path}).\n  → Start it: fab infra.up --refresh"
        )
    connection.sendall(f"{host} {port}\n".encode())
    if reason := _line(connection):
        sys.exit(f"{host}:{port} does not answer {vantage}: {reason}")
    threading.Thread(target=_send, args=(connection,), daemon=True).start()
    while data := connection.recv(_CHUNK):
        _write(1, data)
    # Without the interpreter's cleanup, which would wait for the thread that reads standard input.
    os._exit(0)


def _line(connection: socket.socket) -> str:
    """The supervisor's one line, byte by byte: what follows it belongs to ssh."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            return "the rehearsal ended"
        line += byte
    return line.decode().strip()


def _send(connection: socket.socket) -> None:
    try:
        while data := os.read(0, _CHUNK):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        os._exit(1)  # the other side ended first


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    main()
