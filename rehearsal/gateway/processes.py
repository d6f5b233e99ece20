"""The gateway's two processes: started once, then reloaded with each new configuration without losing connections."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections import deque
from collections.abc import Callable

from console.waiting import wait_until
from rehearsal.base.handler import HandlerError
from rehearsal.base.world import World
from rehearsal.gateway import health
from rehearsal.gateway.configuration import ROOT, Configuration
from rehearsal.gateway.haproxy import ADMIN_PORT, REVISION_VARIABLE, STATE_FILE
from rehearsal.gateway.nginx import LOGS, STATUS_PORT

FRONT, BALANCER = "gateway", "gateway-balancer"
"""Names of the services."""

RELOAD_SECONDS = 20.0
CONFIRMING_ANSWERS = 20
"""Number of consecutive connections, 20 ms apart, that the new configuration must answer: for 100 ms after a reload
nginx lets its old workers accept connections as well, which a single new answer would not show."""

_NGINX, _HAPROXY = "/usr/sbin/nginx", "/usr/sbin/haproxy"
_NGINX_CONF, _HAPROXY_CFG = f"{ROOT}/nginx.conf", f"{ROOT}/haproxy.cfg"

# Both start with an empty configuration, so that the first one is loaded like every later one: the program itself tests
# it inside its container and loads it, and then the new revision must answer.
_IDLE_NGINX = "daemon off;\npid /run/nginx.pid;\nerror_log stderr warn;\nevents {}\n"
_IDLE_HAPROXY = (
    f"global\n    log stdout format raw local0 notice\n    stats socket ipv4@127.0.0.1:{ADMIN_PORT} level admin\n"
)


class Processes:
    """nginx and HAProxy in the gateway's namespace."""

    def __init__(self, world: World) -> None:
        self._world = world
        # A service must not be restarted while it is being reloaded.
        self._lock = threading.RLock()

    def start(self) -> None:
        """Start what is not running."""
        with self._lock:
            self._start()

    def _start(self) -> None:
        containers = self._world.containers
        if not containers.alive(BALANCER):
            argv = [_HAPROXY, "-W", "-f", _HAPROXY_CFG]
            containers.start(BALANCER, health.NAMESPACE, argv, {_HAPROXY_CFG: _IDLE_HAPROXY, STATE_FILE: ""})
        if not containers.alive(FRONT):
            logs = self._world.settings.logs / "gateway"
            logs.mkdir(parents=True, exist_ok=True)
            argv = [_NGINX, "-c", _NGINX_CONF]
            containers.start(FRONT, health.NAMESPACE, argv, {_NGINX_CONF: _IDLE_NGINX}, {LOGS: logs})

    def load(self, configuration: Configuration) -> None:
        """Serve the configuration, unless it is served already.

        Raises HandlerError with the program's own message if it rejects it; the configuration before stays in use.
        """
        with self._lock:
            # The balancer first: a backend must exist before a request is sent to it.
            if self.balancer_revision() != configuration.revision:
                self._load_balancer(configuration)
            if self.front_revision() != configuration.revision:
                self._load_front(configuration)

    def revive(self, name: str) -> None:
        """Start a service that ended again, with the configuration that it served."""
        with self._lock:
            if not self._world.containers.alive(name):
                self._world.containers.restart(name)

    def stop(self) -> None:
        for name in (FRONT, BALANCER):
            self._world.containers.stop(name)

    def dead(self) -> list[str]:
        """The services that should be running and are not."""
        return [name for name in (FRONT, BALANCER) if not self._world.containers.alive(name)]

    def front_revision(self) -> str | None:
        """Revision of the configuration that nginx serves; None if none."""
        try:
            with self._world.namespaces.connect(health.NAMESPACE, ("127.0.0.1", STATUS_PORT), 2) as connection:
                connection.settimeout(2)
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(4096), b""))
        except (OSError, HandlerError):
            return None
        return answer.rpartition(b"\r\n\r\n")[2].decode() or None

    def balancer_revision(self) -> str | None:
        """Revision of the configuration that HAProxy serves; None if none."""
        try:
            answer = health.ask(self._world, f"show env {REVISION_VARIABLE}")
        except (OSError, HandlerError):
            return None
        name, _, value = answer.strip().partition("=")
        return value if name == REVISION_VARIABLE else None

    def _load_balancer(self, configuration: Configuration) -> None:
        containers = self._world.containers
        containers.write(BALANCER, configuration.balancer)
        candidate = f"{configuration.folder}/haproxy.cfg"
        containers.run(BALANCER, [_HAPROXY, "-c", "-f", candidate])
        # Stays empty if HAProxy has no servers yet.
        state = ""
        with contextlib.suppress(OSError):
            state = health.ask(self._world, "show servers state")
        content = configuration.balancer[candidate]
        containers.write(BALANCER, {STATE_FILE: state, _HAPROXY_CFG: content})
        containers.reload(BALANCER, signal.SIGUSR2)
        self._wait(BALANCER, self.balancer_revision, configuration.revision)

    def _load_front(self, configuration: Configuration) -> None:
        containers = self._world.containers
        containers.write(FRONT, configuration.front)
        candidate = f"{configuration.folder}/nginx.conf"
        containers.run(FRONT, [_NGINX, "-t", "-q", "-c", candidate])
        containers.write(FRONT, {_NGINX_CONF: f"include {candidate};\n"})
        containers.reload(FRONT, signal.SIGHUP)
        self._wait(FRONT, self.front_revision, configuration.revision)

    def _wait(self, name: str, served: Callable[[], str | None], wanted: str) -> None:
        latest = deque[bool](maxlen=CONFIRMING_ANSWERS)

        def confirmed() -> bool:
            latest.append(served() == wanted)
            return latest.count(True) == CONFIRMING_ANSWERS

        if not wait_until(confirmed, RELOAD_SECONDS):
            raise HandlerError(
                f"The service {name} does not serve its new configuration after {RELOAD_SECONDS:.0f} s.\n"
                + self._world.containers.log_end(name)
            )
