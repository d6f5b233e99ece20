"""Starts the gateway's processes again when one ends, as Azure replaces a gateway's instance that fails."""

from __future__ import annotations

import threading
import time

from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.gateway.processes import Processes

INTERVAL = 1.0
MOST_RESTARTS = 5
"""Within a minute; then it stays down, Read finds the gateway gone, and the log says why."""


class Watch:
    """Checks every second, in a thread of its own, from :meth:`start` to :meth:`stop`."""

    def __init__(self, world: World, processes: Processes) -> None:
        self._world = world
        self._processes = processes
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start watching; nothing happens if it is watching already."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(self._ending,), name="gateway watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self, ending: threading.Event) -> None:
        restarts: list[float] = []
        while not ending.wait(INTERVAL):
            for name in self._processes.dead():
                # A service that was stopped on purpose is no longer in the list: the rehearsal is ending.
                if name not in self._world.containers.names():
                    return
                restarts = [when for when in restarts if when > time.monotonic() - 60]
                if len(restarts) >= MOST_RESTARTS:
                    self._world.log(f"the service {name} ended too often; {self._world.containers.log_end(name, 5)}")
                    return
                restarts.append(time.monotonic())
                self._world.log(f"the service {name} ended and is started again")
                try:
                    self._processes.revive(name)
                except HandlerError as error:
                    self._world.log(str(error))
