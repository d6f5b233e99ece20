"""systemd units."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class Unit(State):
    """A systemd unit that is enabled and runs, or is disabled and does not.

    When a state named in ``restart_on`` or ``reload_on`` changed, the unit is restarted or reloaded, once, also
    when the run that changed it was killed before it came to that.
    """

    kind = "unit"
    unit: str
    """Full name with its suffix: ``nginx.service``."""
    enabled: bool | None = True
    """Starts at boot; None leaves it as it is (static and generated units)."""
    running: bool | None = True
    """None: neither started nor stopped, but restarted on changes where it runs."""
    restart_on: tuple[str, ...] = ()
    """Identities of states."""
    reload_on: tuple[str, ...] = ()
    """Identities of states."""
    check: tuple[str, ...] = ()
    """Command that must succeed before a start, restart or reload, e.g. ``nginx -t``."""
    port: int | None = None
    """TCP port at which it must listen, on any address, before it counts as started."""
    deadline: int = 60
    """Seconds for start, restart or reload, and then for the port."""

    @property
    def name(self) -> str:
        return self.unit
