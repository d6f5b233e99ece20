"""The agent on this machine, over pipes: a paramiko transport's part that a session uses, without ssh and sudo."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import IO, Any

from hosts.agent.results import Result


class Channel:
    """A command's pipes in the form of a paramiko channel."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def settimeout(self, seconds: float) -> None:
        """Pipes have none."""

    def exec_command(self, command: str) -> None:
        """Run what a host's shell would, with this Python and this user."""
        assert command.startswith("exec sudo -n /usr/bin/python3 ")
        here = command.replace("sudo -n /usr/bin/python3", shlex.quote(sys.executable))
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(["/bin/sh", "-c", here], stdin=pipe, stdout=pipe, stderr=pipe)

    def sendall(self, data: bytes) -> None:
        """To its standard input."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def makefile(self, mode: str) -> IO[bytes]:
        """Its standard output."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout

    def makefile_stderr(self, mode: str) -> IO[bytes]:
        """Its standard error."""
        assert self.process is not None
        assert self.process.stderr is not None
        return self.process.stderr

    def close(self) -> None:
        """End the conversation; the agent notices by itself."""
        self.closed = True
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()
            self.process.wait(20)


class Transport:
    """Opens one channel after another."""

    def __init__(self, kind: type[Channel] = Channel) -> None:
        self._kind = kind
        self.channels: list[Channel] = []

    def open_session(self, timeout: float) -> Any:
        """A new channel."""
        self.channels.append(self._kind())
        return self.channels[-1]


class Quiet:
    """Progress that no one looks at."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def doing(self, host: str, what: str) -> None:
        """What the host is doing now."""
        self.steps.append(what)

    def completed(self, host: str, result: Result) -> None:
        """A state has its result."""
