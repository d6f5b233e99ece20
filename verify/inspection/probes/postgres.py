"""Probe: how PostgreSQL treats a client from here, up to where it would ask for the password.

Orders: a list of ``{"address", "server_name", "port", "user", "database", "tls": bool, "authority": PEM or null}``.
Answer: for each, in order, ``{"tls": version or null, "answer": str}``; answer is one of

- ``asks for scram-sha-256``, ``asks for method N``, ``lets in``: the host-based rules accept this client;
- ``refused: MESSAGE``: they do not;
- ``error: REASON``: no connection, or no certificate for this name by this authority.
"""

import json
import socket
import ssl
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

SECONDS = 5
SSL_REQUEST = struct.pack(">II", 8, 80877103)


def startup(user: str, database: str) -> bytes:
    words = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database))
    body = struct.pack(">I", 196608) + words + b"\0"
    return struct.pack(">I", len(body) + 4) + body


def read_exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise OSError("the server closed the connection")
        data += part
    return data


def answer_of(connection: socket.socket) -> str:
    kind, length = struct.unpack(">cI", read_exactly(connection, 5))
    body = read_exactly(connection, length - 4)
    if kind == b"E":
        fields = {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0") if part}
        return f"refused: {fields.get(b'M', 'no message')}"
    method = struct.unpack(">I", body[:4])[0]
    return {0: "lets in", 10: "asks for scram-sha-256"}.get(method, f"asks for method {method}")


def attempt(request: dict) -> dict:  # type: ignore[type-arg]
    version = None
    try:
        connection = socket.create_connection((request["address"], request["port"]), timeout=SECONDS)
        with connection:
            if request["tls"]:
                connection.sendall(SSL_REQUEST)
                if read_exactly(connection, 1) != b"S":
                    raise OSError("the server offers no TLS")
                context = ssl.create_default_context(cadata=request["authority"])
                connection = context.wrap_socket(connection, server_hostname=request["server_name"])
                version = connection.version()
            connection.sendall(startup(request["user"], request["database"]))
            answer = answer_of(connection)
            connection.close()
            return {"tls": version, "answer": answer}
    except (OSError, ssl.SSLError) as error:
        return {"tls": version, "answer": f"error: {getattr(error, 'verify_message', '') or error}"}


def main() -> None:
    requests = json.loads(sys.argv[1])
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        print(json.dumps(list(pool.map(attempt, requests))))


if __name__ == "__main__":
    main()
