"""Many changes of the landscape at a time, or none while all of it is looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rehearsal.base.handler import HandlerError, Log


class Changes:
    """What makes, changes or removes something does so within `one`; what needs all to stay, within `none`."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._under_way = 0
        self._none = False

    @contextmanager
    def one(self, log: Log) -> Iterator[None]:
        """Waits while there may be none."""
        with self._condition:
            if self._none:
                log("waiting for the end of a snapshot")
            self._condition.wait_for(lambda: not self._none)
            self._under_way += 1
        try:
            yield
        finally:
            with self._condition:
                self._under_way -= 1

    @contextmanager
    def none(self, what: str) -> Iterator[None]:
        """Raises HandlerError when something is being changed: that may take minutes."""
        with self._condition:
            self._condition.wait_for(lambda: not self._none)
            if self._under_way:
                raise HandlerError(f"The landscape is being changed at this moment, so no {what}: wait for its end.")
            self._none = True
        try:
            yield
        finally:
            with self._condition:
                self._none = False
                self._condition.notify_all()
