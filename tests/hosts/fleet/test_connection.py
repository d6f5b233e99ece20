"""Connections: only to the host whose key is the pinned one, and every failure one sentence."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import paramiko
import pytest

from hosts.fleet import connection
from hosts.fleet.connection import Connections, JumpHostError, NotPermittedError, UnreachableError, fingerprint
from infra.inventory import access
from infra.inventory.model import Inventory


class Sshd:
    """An SSH server on the loopback that lets everyone with a key in."""

    def __init__(self, lets_in: bool = True) -> None:
        self.key = paramiko.ECDSAKey.generate()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.lets_in = lets_in
        self.options: list[int] = []
        self.reason = paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        """Why it opens no connection to another host."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Its thread first: one that is about to accept would do so on whatever has the listener's number next."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self.listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(self.key)
            # With an event it negotiates in a thread of its own: a client that leaves in the middle, which some tests
            # are about, holds no one up.
            transport.start_server(event=threading.Event(), server=_Door(self))


class _Door(paramiko.ServerInterface):
    def __init__(self, sshd: Sshd) -> None:
        self._sshd = sshd

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.common.AUTH_SUCCESSFUL if self._sshd.lets_in else paramiko.common.AUTH_FAILED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        return self._sshd.reason

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    server = Sshd()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The access files go into a scratch folder."""
    real = access.write
    monkeypatch.setattr(access, "write", lambda inventory: real(inventory, tmp_path / "access"))
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 3.0)
    return tmp_path


def landscape(inventory: Inventory, folder: Path, port: int, key: paramiko.PKey, **way_in: object) -> Inventory:
    """The made-up landscape with its jump host at a port of the loopback."""
    identity = folder / "operator"
    paramiko.ECDSAKey.generate().write_private_key_file(str(identity))
    pinned = f"{key.get_name()} {key.get_base64()}"
    hosts = {**inventory.hosts, "mgmt01": inventory.hosts["mgmt01"].model_copy(update={"host_keys": [pinned]})}
    found = {"jump_address": IPv4Address("127.0.0.1"), "jump_port": port, "identity_file": str(identity), **way_in}
    return inventory.model_copy(update={"hosts": hosts, "way_in": inventory.way_in.model_copy(update=found)})


def test_the_pinned_host_is_let_in_with_our_key(inventory: Inventory, folder: Path, sshd: Sshd) -> None:
    stack = landscape(inventory, folder, sshd.port, sshd.key)
    with closing(Connections(stack)) as connections:
        opened = connections.open(stack.hosts["mgmt01"])
        assert opened.is_connected
        assert opened.transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        # One connection to the jump host serves all.
        assert connections.open(stack.hosts["mgmt01"]) is opened
    assert not opened.is_connected


def test_another_host_key_is_refused_with_both_fingerprints(inventory: Inventory, folder: Path, sshd: Sshd) -> None:
    pinned = paramiko.ECDSAKey.generate()
    stack = landscape(inventory, folder, sshd.port, pinned)
    with pytest.raises(UnreachableError) as caught:
        Connections(stack).open(stack.hosts["mgmt01"])
    message = str(caught.value)
    assert f"mgmt01 (127.0.0.1 port {sshd.port}) shows another host key" in message
    assert f"{fingerprint(sshd.key)} instead of {fingerprint(pinned)}" in message


def test_a_fingerprint_is_what_ssh_keygen_shows() -> None:
    key = paramiko.Ed25519Key.from_type_string(
        "ssh-ed25519",
        base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"),
    )
    # GitHub's own host key, whose fingerprint is published.
    assert fingerprint(key) == "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_a_refused_key_says_whose(inventory: Inventory, folder: Path) -> None:
    server = Sshd(lets_in=False)
    stack = landscape(inventory, folder, server.port, server.key)
    with pytest.raises(UnreachableError, match=f"it does not let ops in with {folder}/operator"):
        Connections(stack).open(stack.hosts["mgmt01"])
    server.close()


def test_no_one_there_is_one_sentence(inventory: Inventory, folder: Path) -> None:
    stack = landscape(inventory, folder, 9, paramiko.ECDSAKey.generate())
    with pytest.raises(UnreachableError, match=r"The jump host mgmt01 \(127.0.0.1 port 9\) .* reached: .*refused"):
        Connections(stack).open(stack.hosts["web01"])


def test_a_jump_host_out_of_reach_is_tried_once_and_is_the_reason_of_all_behind_it(
    inventory: Inventory, folder: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        stack = landscape(inventory, folder, door.getsockname()[1], paramiko.ECDSAKey.generate())
    connections = Connections(stack)
    tries: list[int] = []
    original = connections._open_jump_host

    def counted() -> Any:
        tries.append(1)
        return original()

    connections._open_jump_host = counted  # type: ignore[method-assign]
    for name in ("web01", "db01"):
        with pytest.raises(JumpHostError, match="The jump host mgmt01"):
            connections.open(stack.hosts[name])
    with pytest.raises(UnreachableError) as caught:
        connections.open(stack.hosts["mgmt01"])
    assert not isinstance(caught.value, JumpHostError)
    assert len(tries) == 1


def test_a_jump_host_that_has_gone_since_is_noticed(inventory: Inventory, folder: Path, sshd: Sshd) -> None:
    stack = landscape(inventory, folder, sshd.port, sshd.key)
    with closing(Connections(stack)) as connections:
        assert not connections.jump_host_lost()
        connections.open(stack.hosts["mgmt01"]).transport.sock.shutdown(socket.SHUT_RDWR)
        assert connections.jump_host_lost()


def test_a_key_that_is_not_there_is_named(inventory: Inventory, folder: Path, sshd: Sshd) -> None:
    stack = landscape(inventory, folder, sshd.port, sshd.key, identity_file="{project}/no/such/key")
    with pytest.raises(UnreachableError, match=r"no/such/key, which the stack names as way_in\.identity_file"):
        Connections(stack).open(stack.hosts["mgmt01"])


def test_a_silent_port_is_given_up(inventory: Inventory, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stack = landscape(inventory, folder, silent.getsockname()[1], paramiko.ECDSAKey.generate())
        with pytest.raises(UnreachableError, match=r"mgmt01 .* cannot be reached"):
            Connections(stack).open(stack.hosts["mgmt01"])


def test_a_proxy_command_is_used_and_its_complaint_reported(inventory: Inventory, folder: Path, sshd: Sshd) -> None:
    stack = landscape(
        inventory, folder, sshd.port, sshd.key, proxy_command="/bin/sh -c 'echo no such door >&2; exit 3'"
    )
    with pytest.raises(UnreachableError, match="no such door"):
        Connections(stack).open(stack.hosts["mgmt01"])


def test_a_host_behind_the_jump_host_that_cannot_be_reached_is_named(
    inventory: Inventory, folder: Path, sshd: Sshd
) -> None:
    stack = landscape(inventory, folder, sshd.port, sshd.key)
    unreachable = pytest.raises(UnreachableError, match=r"web01 \(10.77.3.4\) cannot be reached from mgmt01")
    with closing(Connections(stack)) as connections, unreachable:
        connections.open(stack.hosts["web01"])


def test_a_jump_host_that_passes_nothing_on_to_a_host_is_reported_as_such(
    inventory: Inventory, folder: Path, sshd: Sshd
) -> None:
    """It does so where a host was added after it was converged; a host that is down is another matter."""
    stack = landscape(inventory, folder, sshd.port, sshd.key)
    with closing(Connections(stack)) as connections:
        with pytest.raises(NotPermittedError, match=r"does not know it yet[^→]*→ .*--limit mgmt01,web01"):
            connections.open(stack.hosts["web01"])
        before = connections.open(stack.hosts["mgmt01"])
        connections.forget_jump_host()
        assert connections.open(stack.hosts["mgmt01"]) is not before
        sshd.reason = paramiko.common.OPEN_FAILED_CONNECT_FAILED
        with pytest.raises(UnreachableError, match="no connection to its port 22") as caught:
            connections.open(stack.hosts["web01"])
        assert not isinstance(caught.value, NotPermittedError)


def test_a_connection_whose_other_end_has_gone_is_closed_without_complaint(
    inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        closed = False

        def close(self) -> None:
            Gone.closed = True
            raise EOFError  # as paramiko does when it says goodbye to a channel whose jump host has ended

    connections = Connections(inventory)
    monkeypatch.setattr(connections, "_open", [Gone()])
    connections.close()
    assert Gone.closed
