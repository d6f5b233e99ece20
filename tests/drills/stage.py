"""Where accidents are made: the small landscape in a copy of this work tree, with a state folder elsewhere.

A copy, as the tests' rehearsal is one, so that keys and generated files are its own; a state folder that LIVEGANG_STATE
names, so that this way of working is drilled, too. It lives next to whatever other rehearsals the machine has.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import subprocess
import termios
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rehearsal.base.cgroups import Cgroup
from rehearsal.base.settings import Settings
from rehearsal.control import launch
from rehearsal.control.client import Supervisor, SupervisorError
from rehearsal.provider.ledger import Ledger
from tests.living import Rehearsal, clone
from tests.rehearsal.machines.small_world import Traces
from toolchain import engines
from toolchain.folders import PROJECT

SMALL = "small"
SECONDS = 420.0
"""The longest that anything may take here on a busy machine."""


class Command:
    """A command in the background, with what it says in a file."""

    def __init__(self, process: subprocess.Popen[bytes], file: Path, terminal: int | None = None) -> None:
        """``terminal`` is the other end of its terminal, if it has one."""
        self.process = process
        self._file = file
        self._terminal = terminal
        if terminal is not None:
            threading.Thread(target=self._keep, args=(terminal,), daemon=True).start()

    def press_control_c(self) -> None:
        assert self._terminal is not None
        os.write(self._terminal, b"\x03")

    def _keep(self, terminal: int) -> None:
        with self._file.open("wb", buffering=0) as output, suppress(OSError):  # the last process has ended
            while data := os.read(terminal, 65536):
                output.write(data)

    @property
    def said(self) -> str:
        return self._file.read_text(errors="replace")

    def wait(self, seconds: float = SECONDS) -> int:
        """Its exit code; it must end by itself within ``seconds``."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            raise AssertionError(f"{self.process.args!r} did not end in {seconds:.0f} s:\n{self.said}") from error


class Stage(Rehearsal):
    """The small landscape; also what one finds of it on the machine, and where its processes are."""

    def __init__(self, folder: Path, stack: str = SMALL) -> None:
        super().__init__(folder / "clone")
        self.stack = stack
        self.settings = Settings(folder / "state")
        self._output = folder / "output.log"
        self.namespaces_before = Traces.of(self.settings).namespaces
        self._environment |= {
            "LIVEGANG_STATE": str(self.settings.state),
            "LIVEGANG_STACK": stack,
            "PULUMI_STACK": stack,
        }

    @classmethod
    def make(cls, folder: Path, stack: str = SMALL) -> Stage:
        """A fresh one, with all that hosts are made of."""
        if (folder / "clone" / ".venv" / "bin" / "fab").exists():
            cls(folder).down()
        shutil.rmtree(folder, ignore_errors=True)
        clone(folder / "clone")
        stage = cls(folder, stack)
        stage.world()
        return stage

    def world(self) -> None:
        """All that hosts are made of: from the machine's cache, and where `down` removed it."""
        self.run("python", "-m", "toolchain", "world")

    def start(self, *command: str) -> Command:
        """Start a command in the clone, as one does who has a second terminal for what comes next."""
        with self._output.open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Command(process, self._output)

    def start_at_terminal(self, *command: str) -> Command:
        """The same at a terminal, whose Ctrl-C the kernel gives to the command and to all that it started."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self._environment, "TERM": "xterm", "COLUMNS": "140"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._output.unlink(missing_ok=True)
        self._output.touch()
        return Command(process, self._output, ours)

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("pulumi", *arguments, "--non-interactive", check=check)

    def ssh(
        self, host: str, command: str, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        configuration = self.settings.state / "output" / self.stack / "ssh_config"
        return self.run("ssh", "-F", str(configuration), host, command, check=check, timeout=timeout)

    def up(self) -> None:
        """By hand, as the handbook says it of an `up` that was killed."""
        self.pulumi("up", "--yes", "--skip-preview")

    def down(self) -> None:
        self.fab("rehearsal.down")

    # What there is

    @property
    def wanted_hosts(self) -> int:
        """How many the stack's file declares."""
        document = yaml.safe_load((self.folder / f"Pulumi.{self.stack}.yaml").read_text())
        return len(document["config"]["livegang:topology"]["hosts"])

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.settings)

    @property
    def group(self) -> Path:
        """The control group that holds all of it."""
        return launch.cgroup(self.settings)

    def hosts(self) -> dict[str, str]:
        """States by host; empty where no supervisor answers."""
        try:
            return {host["name"]: host["state"] for host in self.supervisor.call("status", silence=30)["hosts"]}
        except SupervisorError:
            return {}

    def made(self) -> list[str]:
        """The ids of the resources whose making was begun."""
        ledger = Ledger(self.settings.pulumi_home / "stand-in" / "ledger.json")
        return [entry.identifier for entry in ledger.all().values()]

    def state(self) -> dict[str, Any]:
        """Pulumi's deployment, as its own export shows it."""
        deployment: dict[str, Any] = json.loads(self.pulumi("stack", "export").stdout)["deployment"]
        return deployment

    def in_group(self, place: str, name: str) -> list[int]:
        """Processes of that name in a host (``hosts/db01``) or a service (``services/gateway``)."""
        return [process for process in Cgroup(self.group / place).processes() if _name(process) == name]

    def supervisor_process(self) -> list[int]:
        """None while it does not serve yet."""
        with suppress(SupervisorError):
            return [self.supervisor.process_id()]
        return []

    def engine(self) -> list[int]:
        return [process.id for process in engines.engines(self.settings.pulumi_home)]

    def provider(self) -> list[int]:
        return [
            process.id
            for process in engines.of_home(self.settings.pulumi_home)
            if b"rehearsal.provider" in _command_line(process.id)
        ]


def wait_for(what: str, found: Callable[[], Any], command: Command | None = None, seconds: float = SECONDS) -> Any:
    """Wait until ``found`` returns something true, and return it; ``command`` must not end before."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        assert command is None or command.process.poll() is None, f"it ended before {what}:\n{command.said}"
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.01)
    return result


@dataclass(frozen=True)
class Moment:
    """``when`` and ``whom`` return something true, and the processes to kill, as soon as it is time."""

    name: str
    when: Callable[[Stage, Command], object]
    whom: Callable[[Stage, Command], list[int]]


def strike(stage: Stage, command: Command, moment: Moment) -> None:
    """Wait for the moment, and kill."""
    wait_for(moment.name, lambda: moment.when(stage, command), command)
    kill(wait_for(f"whom to kill: {moment.name}", lambda: moment.whom(stage, command), command))


def kill(processes: list[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGKILL)


def default_folder() -> Path:
    return PROJECT / ".livegang" / "drills" / "killed"


def _name(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text().strip()
    return ""


def _command_line(process: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_bytes()
    return b""
