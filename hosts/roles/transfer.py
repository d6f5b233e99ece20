"""The transfer host: the old hoster's SFTP drop, and what judges the files that arrive in it.

Clean files end in `/srv/transfer/clean`: nothing carries them on to the file host yet.
"""

from __future__ import annotations

from hosts.roles import drop, scanning
from hosts.roles.context import Context
from hosts.states import State


def states(context: Context) -> list[State]:
    """The drop, clamd, and the scanning service. sshd's part is the access role's, which asks `drop`."""
    return [*drop.states(context), *scanning.states(context)]
