"""The transfer host: the old hoster's SFTP drop, what scans its files, and what delivers the clean ones."""

from __future__ import annotations

from hosts.roles import delivery, drop, scanning
from hosts.roles.context import Context
from hosts.states import State


def states(context: Context) -> list[State]:
    """The drop, clamd, the scanning and the delivery service. sshd's part is the access role's, which asks `drop`."""
    return [*drop.states(context), *scanning.states(context), *delivery.states(context)]
