"""Queries and statements for the host's own PostgreSQL, as its administrator, over its Unix socket."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from typing import Any

from hosts.agent.host import Host
from hosts.agent.results import CommandError, NotComparableError, OperationError

SOCKET = "/run/postgresql/.s.PGSQL.5432"
ITERATIONS = 4096
"""PostgreSQL's own default of `scram_iterations`."""


def psql(host: Host, statements: str, database: str = "postgres") -> str:
    """Run statements; they go to psql's standard input, never on a command line."""
    if not host.path(SOCKET).exists():
        raise NotComparableError("PostgreSQL does not run")
    # Not Debian's /usr/bin/psql: that is a script that looks for versions and takes ten times as long.
    programs = sorted(host.path("/usr/lib/postgresql").glob("*/bin/psql"))
    options = ["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--dbname", database]
    command = [str(programs[-1]) if programs else "psql", *options]
    try:
        return host.run(command, text=f"SET client_min_messages = warning;\n{statements}", user="postgres", timeout=60)
    except CommandError as error:
        raise OperationError("PostgreSQL refuses", error.log or error.reason) from error


def ask(host: Host, query: str, database: str = "postgres") -> Any:
    """The answer of a query that gives one JSON value."""
    return json.loads(psql(host, f"{query};", database) or "null")


def identifier(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A quoted string."""
    if "\\" in value:
        return " E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + value.replace("'", "''") + "'"


def scram_verifier(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What PostgreSQL stores of a password (RFC 5803), made here so that the password never goes to the server."""
    salt = os.urandom(16) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")

    def text(value: bytes) -> str:
        return base64.b64encode(value).decode()

    stored = hashlib.sha256(client).digest()
    return f"SCRAM-SHA-256${iterations}:{text(salt)}${text(stored)}:{text(server)}"


def matches(password: str, verifier: str | None) -> bool:
    """True when a stored verifier is this password's."""
    try:
        method, parameters, _ = (verifier or "").split("$")
        iterations, salt = parameters.split(":")
    except ValueError:
        return False
    if method != "SCRAM-SHA-256":
        return False
    return hmac.compare_digest(scram_verifier(password, base64.b64decode(salt), int(iterations)), verifier or "")
