"""A real PostgreSQL server in a scratch folder on the loopback, as an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
UNPRIVILEGED = 65534

SETTINGS = """
fsync = off
max_wal_senders = 4
unix_socket_directories = ''
ssl = off
"""


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One PostgreSQL server; a standby follows the one it is a copy of."""

    def __init__(self, folder: Path, address: str, port: int) -> None:
        self.folder = folder
        self.address = address
        self.port = port

    def initialise(self) -> None:
        """A new, empty server, whose superuser needs no password."""
        self._run("initdb", "--pgdata", str(self.folder), "--auth=trust", "--username=postgres", "--no-sync")
        self._configure()

    def follow(self, primary: Server) -> None:
        """A standby of another server."""
        source = f"host={primary.address} port={primary.port} user=postgres"
        self._run("pg_basebackup", "--dbname", source, "--pgdata", str(self.folder), "--write-recovery-conf")
        self._configure()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._run("pg_ctl", "--pgdata", str(self.folder), "--log", f"{self.folder}.log", "--wait", "start")

    def stop(self) -> None:
        """Stop it, if it is running, without waiting for its clients."""
        if (self.folder / "postmaster.pid").exists():
            self._run("pg_ctl", "--pgdata", str(self.folder), "--mode=immediate", "--wait", "stop")

    def freeze(self, frozen: bool = True) -> None:
        """Stop all its processes, like those of a host that hangs, or continue them."""
        postmaster = int((self.folder / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for process in (postmaster, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):  # a backend may end by itself meanwhile
                os.kill(process, signal.SIGSTOP if frozen else signal.SIGCONT)

    def sql(self, statement: str, database: str = "vivendi") -> str:
        """Run a statement as superuser; rows come back as lines."""
        connection = f"host={self.address} port={self.port} user=postgres dbname={database}"
        return self._run("psql", connection, "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", statement)

    def _configure(self) -> None:
        own = f"listen_addresses = '{self.address}'\nport = {self.port}\n{SETTINGS}"
        with (self.folder / "postgresql.auto.conf").open("a") as configuration:
            configuration.write(own)

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(PROGRAMS[-1].with_name(program)), *arguments]
        if os.geteuid() == 0:
            setpriv = shutil.which("setpriv") or "setpriv"
            command = [setpriv, f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups", *command]
        # Into a file, not a pipe: the server that pg_ctl starts would hold the pipe open.
        output = self.folder.parent / f"{self.folder.name}-{program}.out"
        with output.open("w") as opened:
            done = subprocess.run(command, stdout=opened, stderr=subprocess.STDOUT, timeout=300, check=False)
        said = output.read_text()
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {said}"
        return said.strip()


@contextlib.contextmanager
def scratch_server() -> Iterator[Server]:
    """A new, empty server on the loopback that runs in a folder of its own; its name there is ``primary``."""
    with tempfile.TemporaryDirectory(prefix="livegang-postgresql-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        server = Server(folder / "primary", "127.0.0.1", free_port())
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
