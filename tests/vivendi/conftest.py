"""The stand-in application from its own artifact, with a real database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vivendi.server import PROGRAMS, Server, free_port, scratch_server
from vivendi import build

PASSWORD = "not-to-be-seen-anywhere"
ROLE = "vivendi_ambulant"

HANG_SECONDS = 300
"""So long only what hangs takes, on a busy machine too."""


class Service:
    """A running service of one area."""

    def __init__(self, artifact: Path, configuration: Path, port: int, log: Path) -> None:
        self.port = port
        self.log = log
        self._process = subprocess.Popen(
            [sys.executable, artifact / "vivendi_standin", "ambulant"],
            env={**os.environ, "VIVENDI_CONFIGURATION": str(configuration)},
            stdout=log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def call(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """GET, or POST of ``body`` (JSON unless bytes); returns the status and the answer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def sync(self, records: list[dict[str, Any]], since: int = 0, device: str = "tablet 7") -> Any:
        """The answer to a device's synchronisation, which must succeed."""
        status, answer = self.call("/sync", {"device": device, "records": records, "since": since})
        assert status == 200, answer
        return answer

    def wait_for_health(self, wanted: int) -> Any:
        """The first health answer with this status; the test fails if the service ends, or hangs."""
        deadline = time.monotonic() + HANG_SECONDS
        while True:
            try:
                status, answer = self.call("/health")
            except OSError as error:
                status, answer = 0, error
            if status == wanted:
                return answer
            assert self._process.poll() is None, f"the service ended: {self.log.read_text()}"
            assert time.monotonic() < deadline, f"health is {status} {answer}; log: {self.log.read_text()}"
            time.sleep(0.1)

    def end(self) -> int:
        """SIGTERM, as systemd does; returns the exit code."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=HANG_SECONDS)
        finally:
            self._process.kill()


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact unpacked, as on an application host."""
    folder = tmp_path_factory.mktemp("vivendi")
    file, _ = build.build(folder)
    with tarfile.open(file) as archive:
        # Our own artifact, and without a filter: the Python of Debian 12 (3.11.2) knows none yet.
        archive.extractall(folder / "current")
    return folder / "current"


@pytest.fixture(scope="session")
def database() -> Iterator[Server]:
    """A primary with the area's role, as Fabric creates it: the role may use its schema, but not create one."""
    if not PROGRAMS:
        pytest.skip("no PostgreSQL server is installed on this machine (the booted tests use the hosts' own)")
    with scratch_server() as server:
        server.sql("CREATE DATABASE vivendi", "postgres")
        server.sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
        server.sql(f"CREATE SCHEMA ambulant AUTHORIZATION {ROLE}")
        yield server


@pytest.fixture
def configuration(database: Server, tmp_path: Path) -> Path:
    """The folder in place of /etc/vivendi; the second of its database hosts does not exist."""
    write_configuration(tmp_path, database.port, "127.0.0.1,127.0.0.2")
    return tmp_path


def write_configuration(folder: Path, database_port: int, hosts: str) -> int:
    """Write ambulant.conf and its password; returns the service's port."""
    port = free_port()
    (folder / "ambulant.conf").write_text(
        f"[service]\nlisten = 127.0.0.1\nport = {port}\n"
        f"[database]\nhosts = {hosts}\nport = {database_port}\nname = vivendi\n"
        f"schema = ambulant\nrole = {ROLE}\nsslmode = disable\n"
    )
    (folder / "ambulant.password").write_text(f"{PASSWORD}\n")
    return port


def port_of(configuration: Path) -> int:
    """The service's port, as configured."""
    lines = (configuration / "ambulant.conf").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("port")).split("=")[1])


@pytest.fixture
def service(artifact: Path, database: Server, configuration: Path, tmp_path: Path) -> Iterator[Service]:
    """The area's service, healthy, with an empty table."""
    running = Service(artifact, configuration, port_of(configuration), tmp_path / "log")
    try:
        running.wait_for_health(200)
        database.sql("TRUNCATE ambulant.record RESTART IDENTITY")
        yield running
    finally:
        running.end()
