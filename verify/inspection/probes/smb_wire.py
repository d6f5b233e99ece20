"""Probe: what crosses the wire while a client that does not ask for encryption stores a document.

The client talks to a relay in this process, which passes everything on and looks at it: the first bytes of each SMB
frame show whether it is encrypted or in plain text, and then which command it is.

Orders: ``{"server": address, "share": name, "credentials": path}``. Answer:

- ``status``, ``words``: the client's exit status and output; ``came_back``: whether it got the document back;
- ``clear``: number of plain-text frames by command; ``encrypted``: number of the others;
- ``seen``: whether the document's content could be read on the way.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

SECONDS = 20
COMMANDS = {0: "negotiate", 1: "session setup", 2: "logoff", 3: "tree connect", 5: "create", 8: "read", 9: "write"}
MARKER = b"livegang-readiness-marker-" + os.urandom(8).hex().encode()


def relay(source: socket.socket, target: socket.socket, seen: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            seen += data
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def serve(listener: socket.socket, server: str, streams: list) -> None:  # type: ignore[type-arg]
    with contextlib.suppress(OSError):
        near, _ = listener.accept()
        far = socket.create_connection((server, 445), timeout=SECONDS)
        pair = (bytearray(), bytearray())
        streams.extend(pair)
        threading.Thread(target=relay, args=(near, far, pair[0]), daemon=True).start()
        relay(far, near, pair[1])


def frames(stream: bytes) -> list:  # type: ignore[type-arg]
    """``encrypted``, or the command, of each frame."""
    found = []
    while len(stream) >= 68:
        length = int.from_bytes(stream[1:4], "big")
        frame, stream = stream[4 : 4 + length], stream[4 + length :]
        if frame[:4] == b"\xfdSMB":
            found.append("encrypted")
        else:
            command = int.from_bytes(frame[12:14], "little")
            found.append(COMMANDS.get(command, str(command)) if frame[:4] == b"\xfeSMB" else "unknown")
    return found


def main() -> None:
    request = json.loads(sys.argv[1])
    listener = socket.create_server(("127.0.0.1", 0))
    streams: list = []  # type: ignore[type-arg]
    threading.Thread(target=serve, args=(listener, request["server"], streams), daemon=True).start()
    name = f"readiness-wire-{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder, "out")
        document.write_bytes(MARKER * 100)
        done = subprocess.run(
            [
                *("smbclient", f"//127.0.0.1/{request['share']}", "-p", str(listener.getsockname()[1])),
                *("-A", request["credentials"], "-m", "SMB3_11", "--client-protection=off", "-t", str(SECONDS)),
                *("-c", f'put "{document}" {name}; get {name} "{folder}/in"; del {name}'),
            ],
            capture_output=True,
            text=True,
            timeout=2 * SECONDS,
            check=False,
        )
        came_back = Path(folder, "in").exists() and Path(folder, "in").read_bytes() == document.read_bytes()
    kinds = [kind for stream in streams for kind in frames(bytes(stream))]
    answer = {
        "status": done.returncode,
        "words": f"{done.stdout}\n{done.stderr}".strip(),
        "came_back": came_back,
        "clear": {kind: kinds.count(kind) for kind in sorted(set(kinds) - {"encrypted"})},
        "encrypted": kinds.count("encrypted"),
        "seen": any(MARKER in stream for stream in streams),
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
