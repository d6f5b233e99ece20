"""The resolver at 168.63.129.16: forwards linked private zones to their server, everything else to the public one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from console.waiting import wait_until
from rehearsal.base import settings, templating
from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.dns.server import ANSWER_SECONDS, POLL_SECONDS, START_SECONDS, query

NAME = "resolver"
NAMESPACE = "router"
PORT = 53
SERVERS = "/etc/dnsmasq.servers"

_DNSMASQ = Path(__file__).with_name("templates") / "dnsmasq.conf.j2"


class Resolver:
    """One dnsmasq for all virtual networks: a zone that is linked to one of them resolves in all."""

    def __init__(self, world: World, private_address: str, private_port: int) -> None:
        self._world = world
        self._private = f"{private_address}#{private_port}"
        self._links: dict[str, str] = {}
        """Zones by their links' lower-cased ids."""
        self._lock = threading.RLock()

    def start(self) -> None:
        files = {"/etc/dnsmasq.conf": self._configuration(), SERVERS: self._servers()}
        argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/etc/dnsmasq.conf"]
        self._world.containers.start(NAME, NAMESPACE, argv, files=files)
        self._wait_until("does not answer", lambda: self._answers_for(".", POLL_SECONDS))

    def link(self, identifier: str, zone: str) -> None:
        """Resolve a private zone; returns when it does."""
        with self._lock:
            self._links[identifier.lower()] = zone.lower()
            self._apply()
            self._wait_until(f"does not answer for {zone}", lambda: self._answers_for(f"{zone}.", POLL_SECONDS))

    def unlink(self, identifier: str) -> None:
        with self._lock:
            if self._links.pop(identifier.lower(), None) is not None:
                self._apply()

    def answers(self, zone: str) -> bool:
        """Whether it resolves the zone, asked as a host would ask."""
        self._ensure_alive()
        return self._answers_for(f"{zone}.", ANSWER_SECONDS)

    def _answers_for(self, name: str, seconds: float) -> bool:
        try:
            return query(self._world, NAMESPACE, (settings.PLATFORM_DNS, PORT), name, "SOA", seconds) is not None
        except HandlerError:
            return False

    def _apply(self) -> None:
        self._ensure_alive()
        self._world.containers.write(NAME, {SERVERS: self._servers()})
        # SIGHUP: dnsmasq reads its servers' file again.
        self._world.containers.reload(NAME)

    def _ensure_alive(self) -> None:
        with self._lock:
            if not self._world.containers.alive(NAME):
                self._world.log(
                    f"{NAME} ended unexpectedly; the end of its log:\n{self._world.containers.log_end(NAME, 5)}"
                )
                self._world.containers.restart(NAME)
                self._wait_until("does not answer", lambda: self._answers_for(".", POLL_SECONDS))

    def _configuration(self) -> str:
        return templating.render(_DNSMASQ, address=settings.PLATFORM_DNS, port=PORT, servers_file=SERVERS)

    def _servers(self) -> str:
        private = [f"server=/{zone}/{self._private}" for zone in sorted(set(self._links.values()))]
        return "\n".join([*private, f"server={settings.PUBLIC_DNS}"]) + "\n"

    def _wait_until(self, otherwise: str, holds: Callable[[], bool]) -> None:
        if not wait_until(holds, START_SECONDS):
            log = self._world.containers.log_end(NAME)
            raise HandlerError(f"The resolver {settings.PLATFORM_DNS} {otherwise} after {START_SECONDS:.0f} s.\n{log}")
