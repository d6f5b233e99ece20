"""What is asked of resources: made, observed, removed, and brought back after a kill."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from rehearsal.base.handler import Handler, Log, Properties
from rehearsal.base.records import Record, full_token
from rehearsal.base.world import World
from rehearsal.supervisor.families import restore_rank

AT_ONCE = 16
"""Restored side by side: as many as a landscape has hosts, and a few more."""


class Resources:
    """Keeps the records and lets the handlers do the work; one resource is changed by one thread at a time."""

    def __init__(self, world: World, handlers: Mapping[str, Handler]) -> None:
        self._world = world
        self._handlers = handlers
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._locks_lock = threading.Lock()

    def put(self, token: str, identifier: str, properties: Properties, log: Log) -> Properties:
        """Make it so. A first time that fails leaves an incomplete record: the next put begins anew."""
        token = full_token(token)
        handler = self._handlers.get(token)
        records = self._world.records
        with self._lock(identifier):
            if records.get(identifier) is None:
                # Others look it up while it is being made: a booting host asks for its own identity.
                records.put(Record(token, identifier, properties, complete=False))
            observed = handler.put(identifier, properties, log) if handler else {}
            records.put(Record(token, identifier, properties, observed))
        return observed

    def get(self, token: str, identifier: str) -> Properties | None:
        with self._lock(identifier):
            record = self._world.records.get(identifier)
            if record is None or not record.complete:
                return None
            handler = self._handlers.get(record.type)
            return handler.get(identifier, record.properties) if handler else {}

    def delete(self, token: str, identifier: str, log: Log) -> None:
        with self._lock(identifier):
            record = self._world.records.get(identifier)
            handler = self._handlers.get(full_token(token))
            if record and handler:
                handler.delete(identifier, record.properties, log)
            self._world.records.delete(identifier)

    def restore(self, log: Log) -> None:
        """Restore all complete records, group after group; a failure is logged, and the others continue."""

        def rank(record: Record) -> int:
            return restore_rank(record.type)

        records = sorted((record for record in self._world.records.all() if record.complete), key=rank)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for _, group in groupby(records, key=rank):
                began, types = time.monotonic(), list(group)
                list(pool.map(lambda record: self._restore(record, log), types))
                kinds = ", ".join(sorted({record.type.rsplit(":", 1)[-1] for record in types}))
                log(f"restored in {time.monotonic() - began:.1f} s: {kinds}")

    def recorded_only(self) -> dict[str, int]:
        """How many resources there are of each type that is only recorded."""
        counts: dict[str, int] = {}
        for record in self._world.records.all():
            if record.type not in self._handlers:
                counts[record.type] = counts.get(record.type, 0) + 1
        return counts

    def _restore(self, record: Record, log: Log) -> None:
        handler = self._handlers.get(record.type)
        if handler is None:
            return
        try:
            with self._lock(record.id):
                handler.restore(record.id, record.properties, log)
        except Exception as error:  # noqa: BLE001 - one resource must not keep the others away; Read finds it missing
            log(f"{record.id} could not be restored: {error}")

    def _lock(self, identifier: str) -> threading.Lock:
        with self._locks_lock:
            return self._locks[identifier.lower()]
