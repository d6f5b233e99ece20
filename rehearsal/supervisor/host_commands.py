"""Commands for one host: start, stop, reboot, kill. An impossible one is refused with what is possible."""

from __future__ import annotations

import threading
from collections import defaultdict

from rehearsal.base.handler import HandlerError
from rehearsal.machines.host import Host, State
from rehearsal.machines.virtual_machine import VirtualMachines

ALIVE = (State.STARTING, State.RUNNING)
AGAIN = "only Pulumi makes it anew, on its data disk: pulumi up --refresh"


class Refused(HandlerError):
    """The host is not in a state in which this can be done."""

    def __init__(self, message: str, hint: str) -> None:
        self.hint = hint
        super().__init__(message)


class HostCommands:
    """Carries out one command for a host at a time; a second one waits for the first."""

    def __init__(self, machines: VirtualMachines) -> None:
        self._machines = machines
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._locks_lock = threading.Lock()

    def carry_out(self, name: str, action: str) -> dict[str, str]:
        """Returns the host's name, its state then, and in ``note`` that it was in this state already, if so."""
        commands = {"start": self._start, "stop": self._stop, "reboot": self._reboot, "kill": self._kill}
        if action not in commands:
            raise HandlerError(f"A host cannot {action}: the commands are start, stop, reboot and kill.")
        host = self._machines.hosts.find(name)
        with self._locks_lock:
            lock = self._locks[host.name]
        with lock:
            note = commands[action](host)
        return {"name": host.name, "state": host.state, "note": note}

    def _start(self, host: Host) -> str:
        if host.state is State.GONE:
            raise Refused(f"{host.name} is gone, not only stopped.", hint=AGAIN)
        before = host.state
        self._machines.start(self._machines.hosts.identifier(host))
        return "" if before is State.STOPPED else f"it was {before} already"

    def _stop(self, host: Host) -> str:
        if host.state is State.GONE:
            raise Refused(f"{host.name} is gone: there is nothing to stop.", hint=AGAIN)
        if host.state is State.STOPPED:
            return "it was stopped already"
        host.stop(self._machines.hosts.stop_seconds(self._machines.hosts.identifier(host)))
        return ""

    def _reboot(self, host: Host) -> str:
        if host.state not in ALIVE:
            hint = AGAIN if host.state is State.GONE else f"fab rehearsal.start {host.name}"
            raise Refused(f"{host.name} is {host.state}, so it cannot be rebooted.", hint)
        # A host that is still booting would not notice a reboot.
        host.wait_until_booted()
        host.reboot()
        return ""

    def _kill(self, host: Host) -> str:
        if host.state is State.STOPPED:
            raise Refused(
                f"{host.name} is stopped: nothing of it runs that could be killed.",
                hint=f"fab rehearsal.start {host.name}, and kill it then",
            )
        if host.state is State.GONE:
            return "it was gone already"
        host.kill()
        return ""
