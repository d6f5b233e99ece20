"""Restarts services that ended: Azure's own services, and the vantage points, do not simply disappear either.

The gateway has a watch of its own, since it must not meet a configuration that is just being loaded.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict

from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.gateway.processes import BALANCER, FRONT

INTERVAL = 1.0
MOST_RESTARTS = 5
"""Of one service within a minute; after that it is left as it is, and the log says why."""


def watch_services(world: World) -> None:
    """Look every second, in a thread, for as long as the supervisor lives."""
    threading.Thread(target=_watch, args=(world,), name="service watch", daemon=True).start()


def _watch(world: World) -> None:
    restarts: defaultdict[str, list[float]] = defaultdict(list)
    while True:
        time.sleep(INTERVAL)
        for name in world.containers.names():
            if name not in (FRONT, BALANCER) and not world.containers.alive(name):
                _revive(world, name, restarts[name])


def _revive(world: World, name: str, restarts: list[float]) -> None:
    restarts[:] = [when for when in restarts if when > time.monotonic() - 60]
    if len(restarts) >= MOST_RESTARTS:
        return
    restarts.append(time.monotonic())
    world.log(f"the service {name} ended and is started again; {world.containers.log_end(name, 5)}")
    try:
        world.containers.revive(name)
    except HandlerError as error:
        world.log(str(error))
    if len(restarts) == MOST_RESTARTS:
        world.log(f"the service {name} ended too often; it is looked at again in a minute")
