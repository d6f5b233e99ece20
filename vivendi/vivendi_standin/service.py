"""One area as a web service: health, synchronisation, and what it is."""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sys
import threading
import uuid
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from . import AREAS, NOTICE, VERSION
from .configuration import Configuration, ConfigurationError, read
from .database import Database, Record, Refused, Unavailable
from .documents import NAME, Absent, Documents

HEALTH_DEADLINE = 2.5
"""Seconds; the gateway's probe gives up after three."""

LARGEST_BODY = 1 << 20
MOST_RECORDS = 500


class BadRequest(Exception):
    """The device sent something that cannot be stored; the message says what."""


class Area:
    """The state that the requests of one service share."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.database = Database(configuration)
        self.documents = Documents(configuration.share, configuration.credentials_file)
        self.ended = threading.Event()
        self._checks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="health")
        self._lock = threading.Lock()
        self._running: Future[dict[str, Any]] | None = None

    def prepare(self) -> None:
        """Make the schema as soon as a database can be reached; until then the area is unavailable, but up.

        What a request is told does not wait for this: it asks the database itself, and makes what is missing.
        """
        pause = 0.5
        while not self.ended.is_set():
            try:
                self.database.make_schema()
            except Unavailable as error:
                log(f"schema not made, next try in {pause:.1f} s: {error}")
                self.ended.wait(pause)
                pause = min(pause * 2, 10)
            else:
                log("schema is there")
                return

    def health(self) -> dict[str, Any]:
        """What the database says, within the deadline. Raises Unavailable.

        Probes that arrive while a query is under way share its answer: a database that hangs must not
        collect one waiting thread a second.
        """
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._checks.submit(self.database.check)
            running = self._running
        try:
            return running.result(timeout=HEALTH_DEADLINE)
        except TimeoutError:
            raise Unavailable(f"the database did not answer within {HEALTH_DEADLINE} s") from None

    def synchronise(self, body: bytes) -> dict[str, Any]:
        """Store what a device sends and answer with what is new for it."""
        device, records, since = parse(body)
        return self.database.synchronise(device, records, since)


def parse(body: bytes) -> tuple[str, list[Record], int]:
    """A device's message: ``{"device": str, "records": [{"id": uuid, "data": {…}}], "since": int}``."""
    try:
        message = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadRequest("the body is not a JSON object")
    device, records, since = message.get("device"), message.get("records", []), message.get("since", 0)
    if not isinstance(device, str) or not 0 < len(device) <= 200:
        raise BadRequest("device: a name of 1 to 200 characters is wanted")
    if not isinstance(since, int) or isinstance(since, bool) or not 0 <= since < 1 << 63:
        raise BadRequest("since: the sequence of the last answer is wanted, 0 at first")
    if not isinstance(records, list) or len(records) > MOST_RECORDS:
        raise BadRequest(f"records: a list of at most {MOST_RECORDS} is wanted")
    return device, [_record(position, record) for position, record in enumerate(records)], since


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _record(position: int, record: Any) -> Record:
    if not isinstance(record, dict) or not isinstance(record.get("data"), dict):
        raise BadRequest(f"records[{position}]: an object with id and data is wanted, data being an object")
    try:
        identifier = str(uuid.UUID(record.get("id")))
    except (ValueError, TypeError, AttributeError):
        raise BadRequest(f"records[{position}].id: a UUID is wanted") from None
    return Record(identifier, record["data"])


class Handler(BaseHTTPRequestHandler):
    """The service's addresses."""

    server: Server
    server_version = f"vivendi-standin/{VERSION}"
    sys_version = ""
    timeout = 10

    def do_GET(self) -> None:
        """Health, or what this service is."""
        area, configuration = self.server.area, self.server.area.configuration
        path = self.path.partition("?")[0]
        if path == configuration.health_path:
            try:
                database = area.health()
            except Unavailable as error:
                self._unavailable(error)
            else:
                answer = {"status": "ok", "area": configuration.area, "version": VERSION, "database": database}
                self._answer(HTTPStatus.OK, answer)
        elif path == configuration.sync_path:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"reason": "devices synchronise by POST"}, {"Allow": "POST"})
        elif self._names_document(path):
            self._document("GET", path)
        elif path in ("/", "/info"):
            self._answer(HTTPStatus.OK, {"area": configuration.area, "version": VERSION, "notice": NOTICE})
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"reason": f"nothing is at {path}"})

    def do_PUT(self) -> None:
        """A document is stored."""
        self._document("PUT", self.path.partition("?")[0])

    def do_DELETE(self) -> None:
        """A document is removed."""
        self._document("DELETE", self.path.partition("?")[0])

    def _names_document(self, path: str) -> bool:
        """Documents are for those inside: what comes through the sites says for whom, and has no documents."""
        folder, _, name = path.rpartition("/")
        wanted = self.server.area.configuration.documents_path
        return (
            bool(wanted) and folder == wanted and "X-Forwarded-For" not in self.headers and bool(NAME.fullmatch(name))
        )

    def _document(self, verb: str, path: str) -> None:
        documents, name = self.server.area.documents, path.rpartition("/")[2]
        if not self._names_document(path):
            self._answer(HTTPStatus.NOT_FOUND, {"reason": f"nothing is at {path}"})
            return
        try:
            if verb == "GET":
                self._send(HTTPStatus.OK, documents.fetch(name), "application/octet-stream", {})
            elif verb == "DELETE":
                documents.remove(name)
                self._answer(HTTPStatus.OK, {"name": name})
            elif (content := self._body()) is not None:
                documents.store(name, content)
                self._answer(HTTPStatus.CREATED, {"name": name, "sha256": hashlib.sha256(content).hexdigest()})
        except Absent:
            self._answer(HTTPStatus.NOT_FOUND, {"reason": f"there is no document {name}"})
        except Unavailable as error:
            self._unavailable(error)

    def do_POST(self) -> None:
        """A device synchronises."""
        path = self.path.partition("?")[0]
        if path != self.server.area.configuration.sync_path:
            self._answer(HTTPStatus.NOT_FOUND, {"reason": f"nothing is at {path}"})
            return
        if (body := self._body()) is None:
            return
        try:
            self._answer(HTTPStatus.OK, self.server.area.synchronise(body))
        except (BadRequest, Refused) as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"reason": str(error)})
        except Unavailable as error:
            self._unavailable(error)

    def _body(self) -> bytes | None:
        """The request's body; None when it was refused."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self._answer(HTTPStatus.LENGTH_REQUIRED, {"reason": "Content-Length is wanted"})
            return None
        if int(length) > LARGEST_BODY:
            reason = {"reason": f"at most {LARGEST_BODY} bytes are taken at once"}
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason)
            return None
        return self.rfile.read(int(length))

    def _unavailable(self, error: Unavailable) -> None:
        self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "unavailable", "reason": str(error)})

    def _answer(self, status: HTTPStatus, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self._send(status, body, "application/json; charset=utf-8", headers or {})

    def _send(self, status: HTTPStatus, body: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """One line a request in the journal, but none for each successful probe."""
        path = getattr(self, "path", "").partition("?")[0]  # a malformed request has none
        if path != self.server.area.configuration.health_path or arguments[1:2] != ("200",):
            log(f"{self.address_string()} {format % arguments}")


class Server(ThreadingHTTPServer):
    """Finishes the requests under way before it ends."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, area: Area) -> None:
        self.area = area
        super().__init__((area.configuration.listen, area.configuration.port), Handler)


def log(message: str) -> None:
    """A line for the journal."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def main(arguments: list[str]) -> int:
    """Serve one area until SIGTERM."""
    parser = argparse.ArgumentParser(prog="vivendi_standin", description=NOTICE)
    parser.add_argument("area", choices=AREAS)
    parser.add_argument("--version", action="version", version=VERSION)
    try:
        configuration = read(parser.parse_args(arguments).area)
        area = Area(configuration)
        server = Server(area)
    except (ConfigurationError, OSError) as error:
        log(f"cannot start: {error}")
        return 1
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=area.prepare, name="schema", daemon=True).start()
    log(f"{NOTICE} {configuration.area} {VERSION} listens on {configuration.listen}:{configuration.port}")
    server.serve_forever(poll_interval=0.2)
    area.ended.set()
    server.server_close()
    return 0
