"""Why a host does not answer, in ssh's words made short."""

from __future__ import annotations

from pathlib import Path

import pytest

from verify.inspection import connection
from verify.inspection.reachability import reason_of, unreachable_reason


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("ssh: connect to db01 port 22: No route to host\n", "ssh: connect to db01 port 22: No route to host"),
        ("Host key verification failed.\n", "its host key is not the pinned one"),
        ("@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\n", "its host key is not the pinned one"),
        ("kex_exchange_identification: Connection closed by remote host\n", "ssh gets no answer from it"),
        # What the end of the jump host's connection adds does not hide the reason.
        (
            "Connection closed by UNKNOWN port 65535\nadmin@db01: Permission denied (publickey).\n",
            "admin@db01: Permission denied (publickey)",
        ),
        ("mux_client_request_session: session request failed\nNo route to host.\n", "No route to host"),
        ("Connection closed by UNKNOWN port 65535\n", "Connection closed by UNKNOWN port 65535"),
        ("", "ssh failed without a message"),
    ],
)
def test_the_reason_is_the_line_that_says_why(errors: str, reason: str) -> None:
    assert reason_of(errors.encode()) == reason


@pytest.mark.parametrize(
    ("ssh", "reason"),
    [
        ("exit 0", None),
        ("echo 'db01: Connection refused.' >&2; exit 255", "db01: Connection refused"),
        ("exec sleep 600", "no login within 1 s"),
    ],
)
def test_a_look_at_a_host_is_a_login(
    ssh: str, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh").write_text(f"#!/bin/sh\n{ssh}\n")
    (tmp_path / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    if reason is not None and "1 s" in reason:
        monkeypatch.setattr(connection, "COMMAND_SECONDS", 1)
    connection.install()
    assert unreachable_reason("ssh://db01", None) == reason
