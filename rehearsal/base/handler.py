"""The interface of handlers, which make resources real: one per resource type.

A handler plays the part of one Azure resource provider's back end. It is given an ARM resource id and the
properties that the stand-in provider has already checked and completed with ARM's defaults (camelCase, as on
Pulumi's wire), and answers with what it observes: the properties that differ from, or are not in, what it was
given. Handlers are called from several threads; each guards its own state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

Properties = dict[str, Any]
Log = Callable[[str], None]
"""Tells the waiting user one line of progress."""


class HandlerError(Exception):
    """Making, reading or removing a resource failed; the message has the reason and, of a process, its log's end."""


class Handler(Protocol):
    """One resource type, e.g. ``azure-native:compute:VirtualMachine``."""

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        """Make the resource so, whatever is there already (a retry after `kill -9` adopts). Returns observed."""

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        """Observe the real thing; None when it is gone. ``properties`` are those of the last put."""

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        """Remove it; to remove what is not there is no error."""

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """Bring it back from its record when a new supervisor starts after the old one was killed."""
