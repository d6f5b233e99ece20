"""The world: what all families of the rehearsal need to make resources real."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.base.containers import Containers
from rehearsal.base.namespaces import Namespaces
from rehearsal.base.records import Records
from rehearsal.base.settings import Settings


@dataclass
class World:
    """Everything below one supervisor, which alone enters namespaces and starts processes there."""

    settings: Settings
    records: Records
    """What was asked for; also what families look up about each other's resources."""
    namespaces: Namespaces
    containers: Containers
    """The stand-ins for Azure's own services: gateway, DNS, package server, vantage points."""
    base_image: Path
    """Root tree that every host's overlay lies on; never written to."""
    edge_image: Path
    """Root tree of the service containers."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def log(self, line: str) -> None:
        """Write one line to the supervisor's log, ``logs/supervisor.log`` of the state folder."""
        with self._lock:
            print(time.strftime("%F %T"), line, file=sys.stderr, flush=True)
