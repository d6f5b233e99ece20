"""The supervisor's socket: each connection is served by a thread of its own."""

from __future__ import annotations

import socket
import socketserver
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rehearsal.base import protocol
from rehearsal.base.handler import HandlerError, Log

Method = Callable[[dict[str, Any], Log], Any]
"""Gets the request's parameters and a log for progress; returns the result or raises HandlerError."""


class _Conversation(socketserver.StreamRequestHandler):
    server: RpcServer

    def handle(self) -> None:
        try:
            while (message := protocol.receive(self.rfile)) is not None:
                self._answer(message)
        except (BrokenPipeError, ConnectionResetError):
            return  # the client gave up waiting; what it asked for was done or not, its next question finds out
        except protocol.ProtocolError as error:
            protocol.send(self.wfile, {"error": str(error), "hint": None})

    def _answer(self, message: protocol.Message) -> None:
        name = str(message.get("method"))
        params = message.get("params")
        method = self.server.methods.get(name)
        sending = threading.Lock()

        def log(line: str) -> None:
            with sending:
                try:
                    protocol.send(self.wfile, {"log": line})
                except OSError:
                    self.server.log(f"{name}: {line} (the client is gone)")

        if method is None or not isinstance(params, dict):
            known = ", ".join(sorted(self.server.methods))
            reply = {"error": f"There is no method {name} with such parameters; there are: {known}.", "hint": None}
        else:
            reply = self._call(name, method, params, log)
        with sending:
            protocol.send(self.wfile, reply)

    def _call(self, name: str, method: Method, params: dict[str, Any], log: Log) -> protocol.Message:
        about = f"{name} {params.get('id') or params.get('name') or ''}".strip()
        try:
            return {"result": method(params, log)}
        except HandlerError as error:
            self.server.log(f"{about}: {error}")
            return {"error": str(error), "hint": getattr(error, "hint", None)}
        except Exception as error:  # noqa: BLE001 - reported to the client; the supervisor continues
            self.server.log(f"{about}: {traceback.format_exc()}")
            return {
                "error": f"{about}: {type(error).__name__}: {error}",
                "hint": f"This is a fault of the rehearsal itself; where is in {self.server.log_file}.",
            }


class RpcServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves ``methods`` at a Unix socket that only its owner may open."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, methods: Mapping[str, Method], log: Log, log_file: Path) -> None:
        self.methods = methods
        self.log = log
        self.log_file = log_file
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Conversation)

    def server_bind(self) -> None:
        super().server_bind()
        Path(str(self.server_address)).chmod(0o600)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, _ = super().get_request()
        return connection, "client"
