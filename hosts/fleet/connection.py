"""Connections to hosts: Fabric's, through the jump host, and only to hosts whose key is the pinned one."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import shlex
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any

import fabric
import paramiko

from console import ExpectedError
from infra.inventory import access
from infra.inventory.model import Host, Inventory
from toolchain.folders import fill_in

CONNECT_TIMEOUT = 15.0
"""Seconds for each step of getting in: the way to the port, the handshake, the key."""
ALIVE_TIMEOUT = 5.0
"""Seconds in which the jump host must answer to count as there."""
PROHIBITED = 1
"""Why sshd does not open a channel (RFC 4254, 5.1): its configuration does not allow it, here its `PermitOpen`."""
KEEP_ALIVE = 5
"""Seconds between signs of life on an idle connection."""
SLOW_KEY_EXCHANGES = ["mlkem768x25519-sha256"]
"""On a small machine the post-quantum exchange costs half as much again for nine hosts."""

# Failures are raised and reported in a sentence; paramiko would log a traceback as well.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


class UnreachableError(ExpectedError):
    """A host cannot be reached, or is not the one it should be; one sentence."""


class JumpHostError(UnreachableError):
    """The jump host cannot be reached, so nothing is known of the hosts behind it."""


class NotPermittedError(UnreachableError):
    """The jump host passes nothing on to a host: it was converged before that one was added."""


class Connections:
    """The connections of one run: one to the jump host, all others through it."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known_hosts = access.write(inventory).with_name("known_hosts")
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._jump: fabric.Connection | None = None
        self._reached_jump: fabric.Connection | None = None
        """The newest connection to the jump host, also when it is to serve no one new."""
        self._jump_error: UnreachableError | None = None
        self._open: list[fabric.Connection] = []
        self._proxies: list[subprocess.Popen[bytes]] = []
        self._closed = False

    def open(self, host: Host) -> fabric.Connection:
        """An open connection to a host. Raises UnreachableError; JumpHostError where it is for the jump host."""
        if host.name == self._inventory.way_in.jump_host:
            return self._jump_host()
        try:
            jump = self._jump_host()
        except UnreachableError as error:
            raise JumpHostError(error.reason, error.hint) from error
        where = f"{host.name} ({host.address})"
        try:
            channel = jump.transport.open_channel(
                "direct-tcpip", (str(host.address), 22), ("", 0), timeout=CONNECT_TIMEOUT
            )
        except paramiko.ChannelException as error:
            if error.code != PROHIBITED:
                raise self._behind_jump_host(where, error) from error
            name = self._inventory.way_in.jump_host
            raise NotPermittedError(
                f"{where} cannot be reached from {name}, whose sshd does not know it yet and passes nothing on to it.",
                hint=f"Was it added just now? fab hosts.converge --limit {name},{host.name}",
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise self._behind_jump_host(where, error) from error
        return self._connect(host, channel, where)

    def jump_host_lost(self) -> bool:
        """True when the jump host was reached and is no more, so that whatever went through it is lost too. Asks it."""
        if self._reached_jump is None or self._closed:
            return False
        try:
            self._reached_jump.transport.open_session(timeout=ALIVE_TIMEOUT).close()
        except (paramiko.SSHException, OSError, EOFError):
            return True
        return False

    def forget_jump_host(self) -> None:
        """Whoever comes next gets a new connection to it: an open one keeps the sshd that it began with."""
        with self._opening:
            self._jump = None

    def _behind_jump_host(self, where: str, error: Exception) -> UnreachableError:
        return UnreachableError(
            f"{where} cannot be reached from {self._inventory.way_in.jump_host}: {_reason(error)}.",
            hint="Is it running, and does its sshd answer? In the rehearsal: fab rehearsal.status.",
        )

    def close(self) -> None:
        """End all connections, at once, whatever runs over them."""
        with self._lock:
            self._closed = True
            connections, self._open = self._open, []
            proxies, self._proxies = self._proxies, []
        for connection in reversed(connections):
            # Closing says goodbye, and the other end, or the jump host between, may have gone already.
            with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                connection.close()
        for proxy in proxies:
            proxy.terminate()
            proxy.wait(5)

    def _jump_host(self) -> fabric.Connection:
        """Opened once; a failure is passed to everyone who needs it, instead of each waiting for it again."""
        with self._opening:
            if self._jump_error is not None:
                raise self._jump_error
            if self._jump is None:
                try:
                    self._jump = self._reached_jump = self._open_jump_host()
                except UnreachableError as error:
                    self._jump_error = error
                    raise
            return self._jump

    def _open_jump_host(self) -> fabric.Connection:
        way_in = self._inventory.way_in
        host = self._inventory.hosts[way_in.jump_host]
        where = f"{host.name} ({way_in.jump_address} port {way_in.jump_port})"
        try:
            if way_in.proxy_command:
                channel = self._through(way_in.proxy_command, str(way_in.jump_address), way_in.jump_port)
            else:
                channel = socket.create_connection((str(way_in.jump_address), way_in.jump_port), CONNECT_TIMEOUT)
                # Many small messages: waiting to fill packets would take most of the time.
                channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise UnreachableError(f"The jump host {where} cannot be reached: {_reason(error)}.") from error
        return self._connect(host, channel, where)

    def _through(self, command: str, address: str, port: int) -> socket.socket:
        """The proxy command's other end, as a socket of our own: paramiko's way of it reads byte by byte."""
        words = fill_in(command, shlex.quote).replace("%h", address).replace("%p", str(port))
        ours, its = socket.socketpair()
        with its:
            proxy = subprocess.Popen(
                shlex.split(words), stdin=its.fileno(), stdout=its.fileno(), stderr=subprocess.PIPE
            )
            with self._lock:
                self._proxies.append(proxy)
        return ours

    def _connect(self, host: Host, channel: Any, where: str) -> fabric.Connection:
        identity = self._inventory.way_in.identity_file
        arguments: dict[str, Any] = {
            "sock": channel,
            "banner_timeout": CONNECT_TIMEOUT,
            "auth_timeout": CONNECT_TIMEOUT,
            "channel_timeout": CONNECT_TIMEOUT,
            "disabled_algorithms": {"kex": SLOW_KEY_EXCHANGES},
        }
        if identity:
            # Read here: paramiko would try it as every kind of key, and report the last one's complaint.
            arguments |= {"pkey": _key(identity), "allow_agent": False, "look_for_keys": False}
        # An empty ssh configuration: the inventory says all, and what a person has in ~/.ssh must not change it.
        config = fabric.Config(ssh_config=paramiko.SSHConfig(), lazy=True)
        connection = fabric.Connection(
            host.name, user=self._inventory.way_in.user, config=config, connect_kwargs=arguments
        )
        connection.client.load_host_keys(str(self._known_hosts))
        connection.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            connection.open()
        except paramiko.BadHostKeyException as error:
            raise UnreachableError(
                f"{where} shows another host key than the one it was given when it was made: "
                f"{fingerprint(error.key)} instead of {fingerprint(error.expected_key)}. Nothing was sent to it.",
                hint="If it was made anew on purpose, run fab infra.up. Else find out who answers there.",
            ) from error
        except (paramiko.SSHException, OSError, EOFError) as error:
            channel.close()
            raise UnreachableError(f"{where} cannot be reached: {self._explain(error)}.") from error
        connection.transport.set_keepalive(KEEP_ALIVE)
        with self._lock:
            if self._closed:
                connection.close()
                raise UnreachableError(f"{where}: the run was ended.")
            self._open.append(connection)
        return connection

    def _explain(self, error: Exception) -> str:
        """The reason, and the error output of a proxy command that ended."""
        if isinstance(error, paramiko.AuthenticationException):
            identity = self._inventory.way_in.identity_file or "any key of the ssh agent or ~/.ssh"
            return f"it does not let {self._inventory.way_in.user} in with {identity}"
        with self._lock:
            ended = [proxy for proxy in self._proxies if proxy.poll() not in (None, 0)]
        said = [proxy.stderr.read().decode(errors="replace").strip() for proxy in ended if proxy.stderr]
        return "; ".join(text for text in (*said, _reason(error)) if text)


def _reason(error: Exception) -> str:
    if isinstance(error, paramiko.ChannelException):
        return "no connection to its port 22"
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT:.0f} s"
    return str(error).rstrip(".") or type(error).__name__


def _key(identity: str) -> paramiko.PKey:
    path = Path(fill_in(identity))
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, TypeError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
        raise UnreachableError(
            f"The key {path}, which the stack names as way_in.identity_file, cannot be read: {_reason(error)}."
        ) from error


def fingerprint(key: paramiko.PKey) -> str:
    """A host key as `ssh-keygen -l` shows it."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return f"{key.get_name()} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
