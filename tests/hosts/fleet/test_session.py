"""The whole conversation between the operator's side and the agent, with the real payload, over pipes."""

from __future__ import annotations

import getpass
import grp
import hashlib
import os
import socket
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from hosts.agent.results import Status
from hosts.fleet import payload as payload_module
from hosts.fleet.document import in_order
from hosts.fleet.payload import COMMAND, payload
from hosts.fleet.session import Session
from hosts.states import Archive, Directory, File, Secret, State, encode
from infra.inventory.model import Host, Inventory
from tests.hosts.agent.operations.test_archives import ONE
from tests.hosts.local import Channel, Quiet, Transport

ME = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}


@pytest.fixture
def host(inventory: Inventory) -> Host:
    return inventory.hosts["web01"]


def document(mode: str, *states: State, secrets: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "host": "web01",
        "mode": mode,
        "vault_uri": "https://127.0.0.1:9/",
        "secrets": secrets or {},
        "trusted_authorities": [],
        "states": [encode(state) for state in in_order(states)],
    }


def talk(host: Host, sent: dict[str, Any], artifacts: Path = Path("/nonexistent")) -> Session:
    session = Session(host, sent, lambda file: artifacts / file, Quiet())
    session.run(Transport())  # type: ignore[arg-type]
    return session


def statuses(session: Session) -> dict[str, str]:
    return {result.state: result.status for result in session.report.results}


def test_plan_converge_plan(host: Host, tmp_path: Path) -> None:
    folder = Directory(path=f"{tmp_path}/app", **ME)  # type: ignore[arg-type]
    file = File(path=f"{tmp_path}/app/ümlaut.conf", content=("größe = 1\n",), **ME)  # type: ignore[arg-type]
    seen = []
    for mode in ("plan", "converge", "plan"):
        session = talk(host, document(mode, folder, file))
        assert session.report.error is None
        assert len(session.report.results) == session.report.expected == 2
        seen.append(set(statuses(session).values()))
    assert seen == [{"pending"}, {"changed"}, {"unchanged"}]
    assert Path(file.path).read_text() == "größe = 1\n"


def test_nothing_but_the_states_is_left_behind(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A folder of its own for temporary files: other tests, and other runs, use the machine's at the same time.
    temporary, wanted = tmp_path / "temporary", tmp_path / "wanted"
    temporary.mkdir()
    wanted.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    talk(host, document("converge", File(path=f"{wanted}/a", content=("a",), **ME)))  # type: ignore[arg-type]
    assert list(temporary.iterdir()) == []
    assert [path.name for path in wanted.iterdir()] == ["a"]


def test_the_command_line_is_always_the_same() -> None:
    assert len(COMMAND) < 200
    assert "web01" not in COMMAND
    sent = payload(document("plan", File(path="/etc/a", content=(Secret("tls-key"),))))
    assert b"\n" in sent[:10]


def archive(tmp_path: Path, sha256: str) -> Archive:
    return Archive(component="pep", version="1.0", file="pep.tar", sha256=sha256, target=f"{tmp_path}/opt")


def test_an_artifact_is_sent_only_when_it_is_missing_there(host: Host, tmp_path: Path) -> None:
    (tmp_path / "pep.tar").write_bytes(ONE)
    wanted = archive(tmp_path, hashlib.sha256(ONE).hexdigest())
    twin = replace(wanted, component="kita", target=f"{tmp_path}/opt2")
    progress = []
    for _ in range(2):
        session = talk(host, document("converge", wanted, twin), tmp_path)
        assert session.report.error is None, session.report.error
        progress.append([step for step in session._progress.steps if "receives" in step])  # type: ignore[attr-defined]
    # Two components from one archive: it travels once, and the second run needs it no more.
    assert [len(steps) for steps in progress] == [1, 0]
    assert (tmp_path / "opt/current/app/main.py").read_text() == "print(1)\n"


@pytest.mark.parametrize("mode", ["plan", "converge"])
@pytest.mark.parametrize(
    ("sha256", "reason"), [("0" * 64, "but its manifest says 000"), (hashlib.sha256(b"").hexdigest(), "does not exist")]
)
def test_a_wrong_artifact_fails_its_component_and_no_other(
    host: Host, tmp_path: Path, mode: str, sha256: str, reason: str
) -> None:
    if sha256.startswith("0"):
        (tmp_path / "pep.tar").write_bytes(ONE)
    other = File(path=f"{tmp_path}/other", content=("x",), **ME)  # type: ignore[arg-type]
    session = talk(host, document(mode, archive(tmp_path, sha256), other), tmp_path)
    assert statuses(session)["archive pep 1.0"] == "failed"
    assert statuses(session)[f"file {tmp_path}/other"] == ("pending" if mode == "plan" else "changed")
    assert reason in session.report.of(Status.FAILED)[0].reason
    assert session.report.failed
    assert not (tmp_path / "opt/current").exists()


def test_an_artifact_that_finds_no_room_fails_its_component_and_the_run_goes_on(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = payload_module._modules()
    full = {**sources, "hosts.agent.main": sources["hosts.agent.main"].replace('"/var/tmp"', f'"{tmp_path}/missing"')}
    monkeypatch.setattr(payload_module, "_modules", lambda: full)
    (tmp_path / "pep.tar").write_bytes(ONE)
    other = File(path=f"{tmp_path}/other", content=("x",), **ME)  # type: ignore[arg-type]
    session = talk(host, document("converge", archive(tmp_path, hashlib.sha256(ONE).hexdigest()), other), tmp_path)
    assert statuses(session) == {"archive pep 1.0": "failed", f"file {tmp_path}/other": "changed"}
    assert "the artifact cannot be kept in" in session.report.of(Status.FAILED)[0].reason


def test_an_agent_that_hears_nothing_more_leaves_off_though_no_one_closed_the_connection(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = payload_module._modules()
    hasty = sources["hosts.agent.main"].replace("SILENCE = 25.0", "SILENCE = 1.0")
    monkeypatch.setattr(payload_module, "_modules", lambda: {**sources, "hosts.agent.main": hasty})
    slow = [
        File(path=f"{tmp_path}/{n}", content=("x",), check=("/bin/sleep", "1"), **ME)  # type: ignore[arg-type]
        for n in range(20)
    ]
    session = talk(host, document("converge", *slow))
    assert session.report.error == "the run broke off: the connection was closed"
    assert len(list(tmp_path.iterdir())) < 10


def test_what_is_reported_of_a_state_at_the_end_is_what_counts(host: Host) -> None:
    session = Session(host, document("converge"), lambda file: Path(file), Quiet())
    for status in ("changed", "failed"):
        session._take({"result": {"state": "unit a.service", "status": status}})
    assert [result.status for result in session.report.results] == ["failed"]


def test_a_document_that_the_agent_cannot_read_is_an_error_not_a_silence(host: Host) -> None:
    session = talk(host, {**document("plan"), "states": [{"kind": "not a kind"}]})
    assert "the run broke off" in (session.report.error or "")
    assert session.report.failed


def test_a_host_without_python_says_so(host: Host) -> None:
    class Bare(Channel):
        def exec_command(self, command: str) -> None:
            super().exec_command(
                "exec sudo -n /usr/bin/python3 -c 'import sys; sys.exit(\"sudo: a password is required\")'"
            )

        def sendall(self, data: bytes) -> None:
            pass

    session = Session(host, document("plan"), lambda file: Path(file), Quiet())
    session.run(Transport(Bare))  # type: ignore[arg-type]
    assert session.report.error == "the run broke off: sudo: a password is required"


def test_two_runs_at_once_do_not_meet_on_a_host(host: Host, tmp_path: Path) -> None:
    other = socket.socket(socket.AF_UNIX)
    other.bind("\0livegang-agent")
    try:
        file = File(path=f"{tmp_path}/a", content=("a",), **ME)  # type: ignore[arg-type]
        # A plan touches nothing, so it waits for no one.
        assert talk(host, document("plan", file)).report.error is None
    finally:
        other.close()
    assert talk(host, document("converge", file)).report.error is None


def test_an_agent_that_no_one_listens_to_ends_before_the_next_state(host: Host, tmp_path: Path) -> None:
    states = [File(path=f"{tmp_path}/{number}", content=("x",), **ME) for number in range(50)]  # type: ignore[arg-type]
    slow = File(
        path=f"{tmp_path}/slow",
        content=("x",),
        check=("/bin/sleep", "1"),
        **ME,  # type: ignore[arg-type]
    )
    transport = Transport()
    session = Session(host, document("converge", slow, *states), lambda file: Path(file), Quiet())

    class Leaving(Quiet):
        def doing(self, host: str, what: str) -> None:
            if what.startswith("file "):
                channel = transport.channels[0]
                assert channel.process is not None
                assert channel.process.stdin is not None
                channel.process.stdin.close()

    session._progress = Leaving()
    session.run(transport)  # type: ignore[arg-type]
    # What it was at is finished, whole; nothing after it was begun.
    assert [path.name for path in tmp_path.iterdir()] == ["slow"]


@pytest.mark.parametrize("error", [EOFError, OSError])
def test_a_connection_that_is_lost_too_need_not_be_reported_of_another(
    inventory: Inventory, error: type[Exception]
) -> None:
    def broken(data: bytes) -> None:
        raise error

    session = Session(inventory.hosts["web01"], {"states": []}, Path, Quiet())
    session._channel = cast(Any, SimpleNamespace(closed=False, sendall=broken))
    session._begun = True
    session.report_lost("db01", "the connection was closed")
