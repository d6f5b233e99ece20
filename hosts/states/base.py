"""What all states have in common: an identity, what they need, and a form that travels as JSON.

A state is plain data that says how one thing on a host should be. It is written on the operator's side by a
role and understood on the host by the agent: both import this package, so it needs only the standard library
and nothing else of the project.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

KINDS: dict[str, type[State]] = {}
"""Every kind of state by the first part of its identity, e.g. ``file``."""


@dataclass(frozen=True)
class Secret:
    """Stands for a secret's value, which only the host reads: its purpose in the inventory's ``hosts[h].secrets``."""

    purpose: str


@dataclass(frozen=True, kw_only=True)
class State:
    """How one thing on a host should be."""

    kind: ClassVar[str]

    needs: tuple[str, ...] = ()
    """Identities of the states without which this one cannot be reached. If one of them fails, this one is skipped."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if kind := cls.__dict__.get("kind"):
            KINDS[kind] = cls

    @property
    def name(self) -> str:
        """What distinguishes this state from others of its kind on the same host."""
        raise NotImplementedError

    @property
    def identity(self) -> str:
        """``kind name``, as people see it: ``file /etc/ssh/sshd_config.d/10-livegang.conf``."""
        return f"{self.kind} {self.name}"

    def secrets(self) -> set[str]:
        """Purposes of all secrets that this state mentions."""
        return {value.purpose for field in dataclasses.fields(self) for value in _flat(getattr(self, field.name))}


def _flat(value: object) -> list[Secret]:
    if isinstance(value, Secret):
        return [value]
    if isinstance(value, tuple):
        return [secret for part in value for secret in _flat(part)]
    return []


def encode(state: State) -> dict[str, Any]:
    """The state as JSON-serialisable data; fields at their default are left out."""
    document: dict[str, Any] = {"kind": state.kind}
    for field in dataclasses.fields(state):
        value = getattr(state, field.name)
        if field.default is dataclasses.MISSING or value != field.default:
            document[field.name] = _plain(value)
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return {"secret": value.purpose}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def decode(document: dict[str, Any]) -> State:
    """The state that :func:`encode` wrote. Raises KeyError for a kind that this version does not know."""
    fields = {key: _typed(value) for key, value in document.items() if key != "kind"}
    return KINDS[document["kind"]](**fields)


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return Secret(value["secret"])
    if isinstance(value, list):
        return tuple(_typed(part) for part in value)
    return value
