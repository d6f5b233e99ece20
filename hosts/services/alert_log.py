"""Keeps what Alertmanager sends to its webhook: one JSON line per notification, newest last.

``alert_log.py ADDRESS PORT FILE``. It is the proof that an alert went all the way. In a stack that names no webhook
(the rehearsal) it also takes the place of a real receiver: alerts go to this file only.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

LARGEST_NOTIFICATION = 1 << 20
LARGEST_FILE = 8 << 20
"""Bytes; a full file is kept once as ``FILE.1``."""


class AlertLog:
    """The file."""

    def __init__(self, path: Path, largest: int = LARGEST_FILE) -> None:
        self._path = path
        self._largest = largest
        self._lock = Lock()

    def keep(self, notification: dict[str, Any]) -> None:
        """Add a notification; it is on the disk when this returns."""
        entry = {"received": datetime.now(UTC).isoformat(timespec="milliseconds"), **notification}
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._lock:
            if self._path.exists() and self._path.stat().st_size + len(line) > self._largest:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())


def notification_of(body: bytes) -> dict[str, Any]:
    """What Alertmanager posted. Raises ValueError for anything else."""
    document = json.loads(body)
    if not isinstance(document, dict) or not isinstance(document.get("alerts"), list):
        raise ValueError("not a notification of Alertmanager: no list of alerts")
    return document


class Handler(BaseHTTPRequestHandler):
    """Answers 200 once a notification is kept: Alertmanager tries again after anything else."""

    log: AlertLog

    def do_POST(self) -> None:
        """Keep what was posted."""
        try:
            length = int(self.headers.get("Content-Length", ""))
        except ValueError:
            return self._answer(411, "a notification needs its Content-Length")
        if not 0 <= length <= LARGEST_NOTIFICATION:
            return self._answer(413, f"a notification may have {LARGEST_NOTIFICATION} bytes")
        try:
            notification = notification_of(self.rfile.read(length))
        except ValueError as error:
            return self._answer(400, str(error))
        try:
            self.log.keep(notification)
        except OSError as error:
            return self._answer(507, f"it cannot be kept: {error}")
        for alert in notification["alerts"]:
            labels = alert.get("labels", {})
            name, severity = labels.get("alertname"), labels.get("severity")
            print(f"{alert.get('status')}: {name} ({severity}): {alert.get('annotations', {}).get('summary')}")
        return self._answer(200, "kept")

    def _answer(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Only refusals: what was kept says so itself."""
        if len(args) > 1 and str(args[1]) != "200":
            sys.stderr.write(f"{format % args}\n")


def server(address: str, port: int, path: Path) -> ThreadingHTTPServer:
    """The receiver, listening; ``serve_forever`` is the caller's."""
    handler = type("Handler", (Handler,), {"log": AlertLog(path)})
    return ThreadingHTTPServer((address, port), handler)


def main() -> None:
    """As a service."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    address, port, path = sys.argv[1:]
    server(address, int(port), Path(path)).serve_forever()


if __name__ == "__main__":
    main()
