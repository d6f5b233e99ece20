"""One host's run from the operator's side: the document goes out, results come in, artifacts go when asked for."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import paramiko

from hosts.agent.results import Result, Status
from hosts.components.manifest import artifact_mistake
from hosts.fleet.payload import COMMAND, payload
from hosts.states import Archive, decode
from hosts.states.archives import CURRENT
from infra.inventory.model import Host

SILENCE = 30.0
"""Seconds without a sign of life (the agent gives one every two) after which a host counts as lost."""
HEARTBEAT = 5.0
"""Seconds between signs of life to the agent, which leaves off after `hosts.agent.main.SILENCE` without any."""


@dataclass
class Report:
    """What became of one host."""

    host: str
    role: str
    results: list[Result] = field(default_factory=list)
    expected: int = 0
    """How many results a whole run has."""
    error: str | None = None
    """Why the run could not begin or did not come to its end."""
    seconds: float = 0.0
    behind: str | None = None
    """The jump host, where its loss is what ``error`` is about."""

    def count(self, *statuses: Status) -> int:
        """How many states ended so."""
        return len(self.of(*statuses))

    def of(self, *statuses: Status) -> list[Result]:
        """The results that ended so."""
        return [result for result in self.results if result.status in statuses]

    @property
    def failed(self) -> bool:
        """True unless every state has its result and none failed."""
        return self.error is not None or self.count(Status.FAILED, Status.SKIPPED) > 0

    @property
    def cause(self) -> str:
        """In one line, what failed first, with the last that it said; empty when nothing failed."""
        if self.error is not None:
            return self.error
        for result in self.of(Status.FAILED, Status.SKIPPED):
            last_line = result.log.splitlines()[-1:]
            return ": ".join([result.state, *filter(None, [result.reason]), *last_line])
        return ""


class Progress(Protocol):
    """Shows how far each host is."""

    def doing(self, host: str, what: str) -> None:
        """What the host is doing now."""

    def completed(self, host: str, result: Result) -> None:
        """A state of the host has its result."""


class Session:
    """The conversation with one host's agent."""

    def __init__(
        self, host: Host, document: dict[str, Any], artifact: Callable[[str], Path], progress: Progress
    ) -> None:
        self.report = Report(host.name, "+".join(host.roles))
        self._host = host
        self._document = document
        self._artifact = artifact
        self._progress = progress
        self._channel: paramiko.Channel | None = None
        self._sending = threading.Lock()
        self._begun = False
        self._lost: list[bytes] = []
        """What is to be sent as soon as the agent listens."""
        self.report.expected = sum(state["kind"] != "wait" for state in document["states"])

    def run(self, transport: paramiko.Transport) -> None:
        """Talk until the agent ends; whatever goes wrong is in the report."""
        started = time.monotonic()
        try:
            self._talk(transport)
        except TimeoutError:
            self.report.error = f"the connection was lost: no sign of life for {SILENCE:.0f} s"
        except (paramiko.SSHException, OSError, EOFError) as error:
            self.report.error = f"the connection was lost: {error or type(error).__name__}"
        finally:
            self.report.seconds = time.monotonic() - started
            if self._channel is not None:
                self._channel.close()

    def report_lost(self, host: str, reason: str) -> None:
        """Let the agent know that another host failed; it may be waiting for it."""
        with self._sending:
            self._lost.append(json.dumps({"lost": host, "reason": reason}).encode() + b"\n")
            if self._begun:
                self._send_lost()

    def _send_lost(self) -> None:
        assert self._channel is not None
        # A channel that closes at this moment has no one left to read it.
        with contextlib.suppress(OSError, EOFError):
            while self._lost and not self._channel.closed:
                self._channel.sendall(self._lost.pop())

    def _talk(self, transport: paramiko.Transport) -> None:
        channel = transport.open_session(timeout=SILENCE)
        channel.settimeout(SILENCE)
        channel.exec_command(COMMAND)
        self._channel = channel
        self._progress.doing(self._host.name, "reads its states")
        with self._sending:
            channel.sendall(payload(self._document))
            self._begun = True
            self._send_lost()
        ended = False
        over = threading.Event()
        threading.Thread(target=self._keep_alive, args=(over,), daemon=True).start()
        try:
            with channel.makefile("rb") as lines:
                for line in lines:
                    ended = self._take(json.loads(line)) or ended
        finally:
            over.set()
        if not ended and self.report.error is None:
            complaint = channel.makefile_stderr("rb").read().decode(errors="replace").strip()
            last = complaint.splitlines()[-1] if complaint else "the connection was closed"
            self.report.error = f"the run broke off: {last}"

    def _keep_alive(self, over: threading.Event) -> None:
        """Let the agent know that it is still waited for: a connection cut in silence looks like nothing to say."""
        while not over.wait(HEARTBEAT):
            try:
                self._send(b'{"alive": true}\n')
            except (OSError, EOFError, paramiko.SSHException):
                return  # The reader of the channel reports why.

    def _send(self, data: bytes) -> None:
        assert self._channel is not None
        with self._sending:
            self._channel.sendall(data)

    def _take(self, message: dict[str, Any]) -> bool:
        """One message of the agent; True for the one that says that all states have their result."""
        name = self._host.name
        if "begin" in message:
            self._progress.doing(name, message["begin"])
        elif "note" in message:
            self._progress.doing(name, message["note"])
        elif "result" in message:
            result = self._verified(Result.decode(message["result"]))
            # A unit that ended after its turn is reported a second time, and that is what counts.
            self.report.results = [other for other in self.report.results if other.state != result.state]
            self.report.results.append(result)
            self._progress.completed(name, result)
        elif "need" in message:
            self._send_artifact(message["need"]["file"], message["need"]["sha256"])
        elif "error" in message:
            self.report.error = message["error"]
        return "end" in message

    def _verified(self, result: Result) -> Result:
        """A plan promises nothing that the artifact on this side cannot keep."""
        if result.status is not Status.PENDING or not result.state.startswith(f"{Archive.kind} "):
            return result
        if all(difference.what.startswith(CURRENT) for difference in result.differences):
            return result
        archives = (decode(state) for state in self._document["states"] if state["kind"] == Archive.kind)
        archive = next(state for state in archives if state.identity == result.state)
        assert isinstance(archive, Archive)
        if mistake := artifact_mistake(self._artifact(archive.file), archive.sha256):
            return replace(result, status=Status.FAILED, reason=mistake)
        return result

    def _send_artifact(self, file: str, sha256: str) -> None:
        path = self._artifact(file)
        if mistake := artifact_mistake(path, sha256):
            self._send(json.dumps({"error": mistake}).encode() + b"\n")
            return
        size = path.stat().st_size
        self._progress.doing(self._host.name, f"receives {file} ({size >> 10} KiB)")
        assert self._channel is not None
        with path.open("rb") as content, self._sending:
            self._channel.sendall(json.dumps({"size": size}).encode() + b"\n")
            while block := content.read(1 << 18):
                self._channel.sendall(block)
