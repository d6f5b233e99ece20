"""Conditions on another host that a state has to wait for."""

from __future__ import annotations

from dataclasses import dataclass

from hosts.states.base import State


@dataclass(frozen=True, kw_only=True)
class Wait(State):
    """An address that answers HTTP with a status below 400.

    A wait changes nothing: it is waited for only when a state that needs it is about to change, and a plan does not
    ask.
    """

    kind = "wait"
    label: str
    host: str
    """The host that has to answer: when the operator's side learns that it failed, the wait ends at once."""
    url: str
    deadline: int = 300
    """Seconds."""

    @property
    def name(self) -> str:
        return self.label
