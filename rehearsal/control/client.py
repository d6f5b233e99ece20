"""The supervisor as others see it: the provider, the tasks, tests."""

from __future__ import annotations

import socket
import struct
from typing import Any

from console import ExpectedError
from rehearsal.base import protocol
from rehearsal.base.handler import Log, Properties
from rehearsal.base.settings import Settings
from rehearsal.control import code

SHUTDOWN = "shutdown"
"""The one method that a supervisor of any revision is asked for; every other only if it runs this clone's code."""

HANG_SECONDS = 60.0
"""No answer for this long to the simplest question: it hangs."""


class SupervisorError(ExpectedError):
    """The supervisor refused or failed at what it was asked, or cannot be reached; the message says why."""


class Supervisor:
    """Talks to the supervisor of one rehearsal over its Unix socket; may be used from several threads."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings.for_this_clone()

    def call(
        self, method: str, params: dict[str, Any] | None = None, log: Log | None = None, silence: float | None = None
    ) -> Any:
        """Ask for ``method`` and wait for its result; each line of progress goes to ``log``.

        ``silence`` is how many seconds the supervisor may say nothing at all; by default it may as long as it lives.
        Raises SupervisorError with the supervisor's reason, or when none lives.
        """
        if method != SHUTDOWN:
            self._refuse_other_code()
        with self._connect() as connection, connection.makefile("rb") as answers:
            connection.settimeout(silence)
            try:
                connection.sendall(protocol.encode({"method": method, "params": params or {}}))
                while (message := protocol.receive(answers)) is not None:
                    if "log" in message:
                        if log:
                            log(str(message["log"]))
                    elif "error" in message:
                        raise SupervisorError(str(message["error"]), message.get("hint"))
                    else:
                        return message.get("result")
            except (OSError, protocol.ProtocolError) as error:
                raise self._ended(method, str(error) or type(error).__name__) from error
            raise self._ended(method, "the connection was closed")

    def put(self, token: str, identifier: str, properties: Properties, log: Log | None = None) -> Properties:
        """Make the resource so; returns what is observed of it."""
        observed: Properties = self.call("put", {"type": token, "id": identifier, "properties": properties}, log)
        return observed

    def get(self, token: str, identifier: str) -> Properties | None:
        """Observe the resource; None when it is gone, or was never made to the end."""
        observed: Properties | None = self.call("get", {"type": token, "id": identifier})
        return observed

    def delete(self, token: str, identifier: str, log: Log | None = None) -> None:
        self.call("delete", {"type": token, "id": identifier}, log)

    def alive(self) -> bool:
        """Whether a supervisor answers that is not ending.

        The kernel accepts connections for a killed process until its last thread has ended, so this waits for an
        answer, or for the connection to break.
        """
        try:
            with self._connect() as connection, connection.makefile("rb") as answers:
                connection.settimeout(HANG_SECONDS)
                connection.sendall(protocol.encode({"method": protocol.PING, "params": {}}))
                reply = protocol.receive(answers)
        except TimeoutError:
            return True  # It hangs, and holds everything; a call with a limit will say so.
        except (OSError, protocol.ProtocolError, SupervisorError):
            return False
        # One of an earlier revision does not know the method: that is an answer too.
        return reply is not None and reply.get("error") != protocol.ENDING

    def reachable(self) -> bool:
        """Whether anything accepts connections at the socket, be it ending."""
        try:
            self._connect().close()
        except SupervisorError:
            return False
        return True

    def runs_this_code(self) -> bool:
        """Whether it was started with the code of this clone as it is now."""
        return code.started_with(self.settings) in (None, code.fingerprint())

    def process_id(self) -> int:
        """The supervisor's process id, as seen from the caller's PID namespace (for nsenter)."""
        with self._connect() as connection:
            credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", credentials)[0])

    def _connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(str(self.settings.socket))
        except OSError as error:
            connection.close()
            raise SupervisorError(
                f"No rehearsal is running in {self.settings.state} ({error.strerror} at {self.settings.socket}).",
                hint="Start it: fab infra.up --refresh, or all of it: make rehearse",
            ) from error
        return connection

    def _refuse_other_code(self) -> None:
        """A supervisor outlives a `git pull` in its clone: what the two might misunderstand is not attempted."""
        if not self.runs_this_code() and self.alive():
            raise SupervisorError(
                f"The supervisor of {self.settings.state} runs other code than this clone has now: "
                "rehearsal/ was changed since it was started, by a `git pull` for example.",
                hint="Start it again with this code; hosts reboot and keep their disks: fab rehearsal.restart",
            )

    def _ended(self, method: str, reason: str) -> SupervisorError:
        return SupervisorError(
            f"The supervisor of {self.settings.state} ended or fell silent when it was asked to {method} ({reason}).",
            hint=f"Why is at the end of {self.settings.logs / 'supervisor.log'}; run the same command again.",
        )
