"""A backend that answers with what it received, as JSON: `echo.py NAME`.

`/status/CODE` answers with that status, `/sleep/SECONDS` late; `/hold` prints a line, and answers after SIGUSR2.
SIGUSR1 makes its probes fail, or succeed again.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    healthy = True
    released = threading.Event()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status = 200
        _, kind, *rest = self.path.split("/")
        if self.path == "/web-health":
            status = 200 if Echo.healthy else 503
        elif kind == "sleep":
            time.sleep(float(rest[0]))
        elif kind == "hold":
            Echo.released.clear()
            print("holding", flush=True)
            Echo.released.wait()
        elif kind == "status":
            status = int(rest[0])
        document = {
            "server": sys.argv[1],
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode(),
        }
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


def toggle(*_: Any) -> None:
    Echo.healthy = not Echo.healthy


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, toggle)
    signal.signal(signal.SIGUSR2, lambda *_: threading.Thread(target=Echo.released.set).start())
    server = ThreadingHTTPServer(("0.0.0.0", 80), Echo)
    print("ready", flush=True)
    server.serve_forever()
