"""The agent's conversation with the operator's side: one document in, one JSON line per result out.

in    {"host": …, "mode": "plan" | "converge", "states": […], "secrets": …, …}
out   {"begin": "file /etc/…"}                     a state's turn has come
      {"note": "installing nginx"}                 what goes on within it
      {"alive": 12.5}                              every two seconds, so that a lost connection is noticed
      {"result": {"state": …, "status": …, …}}     the outcome of a state
      {"need": {"file": …, "sha256": …}}           send this artifact; in: {"size": n} and n bytes, or {"error": …}
      {"end": {"seconds": …}}                      all states have their result
      {"error": …}                                 nothing could be begun
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import queue
import socket
import tempfile
import threading
import time
from typing import Any, BinaryIO

from hosts.agent.command_runner import Commands
from hosts.agent.host import Host
from hosts.agent.results import AbandonedError, OperationError, Result
from hosts.agent.runner import Runner
from hosts.agent.vault import PATIENCE, Vault
from hosts.states import decode

HEARTBEAT = 2.0
"""Seconds."""
SILENCE = 25.0
"""Seconds of silence from the operator's side (it sends a sign every five) after which no one is waiting any more: less
than what that side waits for."""
SPOOL = "/var/tmp"
"""Where artifacts wait for their turn, in files without a name."""
OTHER_RUN_SECONDS = 600.0
"""Seconds that the run before this one may take to finish what it was at: an installation, if it was interrupted."""
MUTEX = "\0livegang-agent"
"""An abstract socket: two runs at once on one host would undo each other's work; it vanishes with its owner."""


class Operator:
    """The other end of the channel."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, vault: Vault) -> None:
        self._source = source
        self._sink = sink
        self._vault = vault
        self._lock = threading.Lock()
        self._gone = threading.Event()
        self._answers: queue.SimpleQueue[BinaryIO | OperationError] = queue.SimpleQueue()
        self._artifacts: dict[str, BinaryIO] = {}
        self._noted = ""
        self._heard = time.monotonic()
        self.lost: dict[str, str] = {}

    def send(self, **message: Any) -> None:
        """Send one line. Raises AbandonedError when the other side is gone."""
        line = json.dumps(self._clean(message), ensure_ascii=False) + "\n"
        with self._lock:
            try:
                self._sink.write(line.encode("utf-8", "replace"))
                self._sink.flush()
            except (BrokenPipeError, ConnectionError, ValueError) as error:
                self._gone.set()
                raise AbandonedError from error

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._vault.redact(value)
        if isinstance(value, dict):
            return {key: self._clean(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(part) for part in value]
        return value

    def send_result(self, result: Result) -> None:
        """Send a state's outcome, without what is empty in it."""
        self.send(result=result.encode())

    def begin(self, identity: str) -> None:
        """A state is next: the last moment to notice that no one is waiting for it."""
        if self._gone.is_set():
            raise AbandonedError
        self.send(begin=identity)

    def note(self, text: str) -> None:
        """Progress within a state, reported once; and a moment to notice that no one is waiting for it."""
        if self._gone.is_set():
            raise AbandonedError
        if text != self._noted:
            self._noted = text
            self.send(note=text)

    def fetch(self, file: str, sha256: str) -> BinaryIO:
        """An artifact, into a file without a name, once per run."""
        if sha256 not in self._artifacts:
            self.send(need={"file": file, "sha256": sha256})
            answer = self._answers.get()
            if isinstance(answer, OperationError):
                raise answer
            digest = hashlib.sha256()
            while block := answer.read(1 << 16):
                digest.update(block)
            if digest.hexdigest() != sha256:
                raise OperationError(f"{file} arrived with SHA-256 {digest.hexdigest()} instead of {sha256}")
            self._artifacts[sha256] = answer
        return self._artifacts[sha256]

    def listen(self) -> None:
        """Take in what the operator's side sends, until it ends."""
        while line := self._source.readline():
            self._heard = time.monotonic()
            message = json.loads(line)
            if "alive" in message:
                continue
            if "lost" in message:
                self.lost[message["lost"]] = message["reason"]
            elif "error" in message:
                self._answers.put(OperationError(message["error"]))
            else:
                self._answers.put(self._receive(int(message["size"])))
        self._leave_off("the connection was closed")

    def _leave_off(self, reason: str) -> None:
        self._gone.set()
        self._answers.put(OperationError(reason))

    def _receive(self, left: int) -> BinaryIO | OperationError:
        failure: OSError | None = None
        try:
            spool: BinaryIO = tempfile.TemporaryFile(dir=SPOOL)  # noqa: SIM115 - kept for the other states of this run
        except OSError as error:
            spool, failure = io.BytesIO(), error
        while left:
            block = self._source.read(min(left, 1 << 16))
            if not block:
                return OperationError(f"the connection was closed with {left} bytes to come")
            self._heard = time.monotonic()
            left -= len(block)
            # What cannot be kept is read all the same: the conversation goes on behind it.
            failure = failure or _keep(spool, block)
        failure = failure or _keep(spool, b"")
        if failure is not None:
            return OperationError(f"the artifact cannot be kept in {SPOOL}: {failure.strerror}")
        spool.seek(0)
        return spool

    def keep_alive(self, ended: threading.Event) -> None:
        """Report every now and then that the run goes on, until it ends or the other side is gone."""
        started = time.monotonic()
        while not ended.wait(HEARTBEAT):
            if time.monotonic() - self._heard > SILENCE:
                # The connection was cut without a word: to write to it still seems to work.
                self._leave_off(f"no word from the operator's side for {SILENCE:.0f} s")
                return
            try:
                self.send(alive=round(time.monotonic() - started, 1))
            except AbandonedError:
                return


def _keep(spool: BinaryIO, block: bytes) -> OSError | None:
    try:
        spool.write(block)
        spool.flush()
    except OSError as error:
        return error
    return None


def main(document: dict[str, Any], source: BinaryIO, sink: BinaryIO) -> int:
    """Run the document. The exit code says only whether the run went through; the results say the rest."""
    planning = document["mode"] == "plan"
    os.umask(0o022)
    patience = 3 if planning else PATIENCE
    vault = Vault(document["vault_uri"], document["secrets"], document["trusted_authorities"], patience=patience)
    operator = Operator(source, sink, vault)
    ended = threading.Event()
    started = time.monotonic()
    try:
        threading.Thread(target=operator.listen, daemon=True).start()
        threading.Thread(target=operator.keep_alive, args=(ended,), daemon=True).start()
        mutex = None if planning else _exclusive(operator)
        states = [decode(state) for state in document["states"]]
        host = Host(states, planning=planning, vault=vault, commands=Commands(), fetch=operator.fetch)
        host.note = operator.note
        host.lost = operator.lost
        Runner(host, operator.send_result, operator.begin).run()
        operator.send(end={"seconds": round(time.monotonic() - started, 2)})
        if mutex is not None:
            mutex.close()
    except AbandonedError:
        return 1
    except OperationError as error:
        operator.send(error=error.reason)
        return 1
    finally:
        ended.set()
    return 0


def _exclusive(operator: Operator) -> socket.socket:
    """Wait until no other run changes this host: one whose operator went away finishes what it is at."""
    mutex = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    deadline = time.monotonic() + OTHER_RUN_SECONDS
    while True:
        try:
            mutex.bind(MUTEX)
        except OSError as error:
            if time.monotonic() > deadline:
                raise OperationError(
                    f"another run is changing this host; it did not end within {OTHER_RUN_SECONDS:.0f} s"
                ) from error
            operator.note("waits until the run before this one has finished what it is at")
            time.sleep(0.5)
        else:
            return mutex
