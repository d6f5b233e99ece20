"""A small JSON server on a socket that was made elsewhere, perhaps in another network namespace."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import traceback
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

IDLE = 30.0
"""Seconds after which an idle connection is closed."""


class Request(BaseHTTPRequestHandler):
    """One connection; subclasses implement :meth:`answer` for GET."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE
    server: Server

    def answer(self, path: str, query: dict[str, str]) -> None:
        """Reply, exactly once, to a GET of the percent-decoded ``path``."""
        raise NotImplementedError

    def refuse_method(self) -> None:
        """Reply to any other method."""
        raise NotImplementedError

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
        self.answer(unquote(parts.path), query)

    def do_other(self) -> None:
        # The body was not read, so it could not be told apart from a next request on this connection.
        self.close_connection = True
        self.refuse_method()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_other

    def reply(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(document, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("x-ms-request-id", str(uuid.uuid4()))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "Livegang stand-in"

    def log_message(self, format: str, *args: Any) -> None:
        self.server.log(f"{self.client_address[0]} {format % args}")


class Server(ThreadingHTTPServer):
    """Serves in a thread of its own until :meth:`stop`."""

    daemon_threads = True

    def __init__(
        self,
        listening: socket.socket,
        request: type[Request],
        log: Callable[[str], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(listening.getsockname(), request, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.log = log
        self._tls = tls
        self._thread = threading.Thread(
            target=self.serve_forever, args=(0.1,), name=f"server {self.server_address}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Not when accepting, but here, in the connection's own thread: a client that is slow or silent in its
        # handshake does not block others.
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(IDLE)
        try:
            encrypted = self._tls.wrap_socket(request, server_side=True)
        except OSError as error:
            self.log(f"{client_address[0]} TLS handshake failed: {error}")
            return
        with encrypted:
            super().finish_request(encrypted, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # One line: a client may disconnect in the middle of an answer, and the default prints a traceback.
        self.log(f"{client_address[0]} {traceback.format_exc(limit=-1).strip().splitlines()[-1]}")
