"""testinfra's ssh backend with time limits for connections and commands, and one error for a host out of reach.

It replaces testinfra's own behind the same `ssh://NAME` specs, so tests stay plain testinfra. Connections are ssh's
own, shared by the ControlMaster of the generated ssh_config.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from typing import Any

import testinfra.backend
from testinfra.backend.ssh import SshBackend

from verify.inspection.reachability import reason_of
from verify.report.errors import CommandTooSlow, HostLost
from verify.report.evidence import NOTEBOOK

CONNECT_SECONDS = 10
COMMAND_SECONDS = 45


_running: set[subprocess.Popen[bytes]] = set()
_starting = threading.Lock()
"""Held until a process that was started is among those that run, so that `end_running` misses none."""


def end_running() -> None:
    """End the commands that run now: no one will read their output any more."""
    with _starting:
        for process in _running:
            process.terminate()


class BoundedSshBackend(SshBackend):  # type: ignore[misc]  # testinfra has no complete annotations
    """`ssh://NAME` with strict host keys and time limits."""

    def __init__(self, hostspec: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(hostspec, *args, **{**kwargs, "timeout": CONNECT_SECONDS})
        self._encoding = "UTF-8"  # testinfra would ask each host for it; ours all use this one

    def run(self, command: str, *args: str, **kwargs: Any) -> Any:
        return self._run(self.get_command(command, *args))

    def _run(self, command: str) -> Any:
        status, output, errors = self._ssh(command)
        if status == 255 and command != "true":
            # 255 is ssh's own failure or the command's exit status: a second try tells which.
            second, _, second_errors = self._ssh("true")
            if second == 255:
                raise HostLost(self.hostname, reason_of(second_errors))
        result = self.result(status, self.encode(command), output, errors)
        ending = "" if status == 0 else f"\n(exit status {status})"
        NOTEBOOK.note(command, result.stdout + result.stderr + ending)
        return result

    def _ssh(self, command: str) -> tuple[int, bytes, bytes]:
        argv = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={self.timeout}"]
        argv += ["-F", self.ssh_config] if self.ssh_config else []
        argv += [self.host.name, command]
        with _starting:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            _running.add(process)
        with process:
            try:
                output, errors = process.communicate(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                output, _ = process.communicate()
                raise CommandTooSlow(self.hostname, command, COMMAND_SECONDS, output) from None
            finally:
                with _starting:
                    _running.discard(process)
        return process.returncode, output, errors


def install() -> None:
    """Make `ssh://` specs use this backend."""
    testinfra.backend.BACKENDS["ssh"] = f"{__name__}.{BoundedSshBackend.__name__}"
