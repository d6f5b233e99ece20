"""What the provider knows of the other resources of this run, for the checks that need more than one resource.

The engine checks every resource of the program in each run, a resource after those it depends on. What passed is
noted here: so a subnet is checked against its network and against the other subnets, without asking anything real.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from rehearsal.provider.values import Properties


@dataclass
class KnownResources:
    """Plain inputs of the resources that were checked in this run, by type and ARM id."""

    subscription: str
    location: str | None = None
    """The location of the stack's configuration."""
    resources: dict[str, dict[str, Properties]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def note(self, token: str, identifier: str, inputs: Properties) -> None:
        with self._guard:
            self.resources.setdefault(token, {})[identifier.lower()] = inputs

    def find(self, token: str, identifier: object) -> Properties | None:
        """The inputs of one resource, if it was checked in this run."""
        with self._guard:
            return self.resources.get(token, {}).get(identifier.lower()) if isinstance(identifier, str) else None

    def others(self, token: str, identifier: str | None) -> dict[str, Properties]:
        """All resources of a type that were checked in this run, but one."""
        with self._guard:
            found = self.resources.get(token, {})
            return {key: value for key, value in found.items() if identifier is None or key != identifier.lower()}
