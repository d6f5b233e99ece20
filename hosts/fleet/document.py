"""From roles to what travels: a host's states in the order in which they are reached, as one JSON document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Literal

from console import ExpectedError
from hosts.states import (
    Absent,
    Archive,
    Directory,
    File,
    FileSystem,
    Link,
    Mount,
    Package,
    State,
    Unit,
    User,
    encode,
)
from infra.inventory.model import Host, Inventory

Mode = Literal["plan", "converge"]


class DocumentError(ExpectedError):
    """A role's states contradict each other: a mistake in the role, not on the host."""


def document(host: Host, inventory: Inventory, states: Sequence[State], mode: Mode) -> dict[str, Any]:
    """What the agent on ``host`` is given. It holds no secret, only where this host finds its own."""
    wanted = {purpose for state in states for purpose in state.secrets()}
    if missing := sorted(wanted - set(host.secrets)):
        raise DocumentError(
            f"{host.name} needs the secret {missing[0]!r}, which stack {inventory.stack} does not give it."
        )
    return {
        "host": host.name,
        "mode": mode,
        "vault_uri": inventory.vault_uri,
        "secrets": {purpose: host.secrets[purpose].model_dump() for purpose in sorted(wanted)},
        "trusted_authorities": inventory.trusted_authorities,
        "states": [encode(state) for state in in_order(states)],
    }


def in_order(states: Sequence[State]) -> list[State]:
    """The states with all that they need named, each after what it needs; otherwise in the roles' order, units last.

    Packages come together, once what any of them needs is there: they are installed by one `apt-get`.
    Raises DocumentError for a state given twice, a need that no state meets, and a circle.
    """
    completed = _complete(_without_repetitions(states))
    by_identity = {state.identity: state for state in completed}
    for state in completed:
        for need in state.needs:
            if need not in by_identity:
                raise DocumentError(f"{state.identity} needs {need!r}, which no role of this host declares.")
    before_packages = {need for state in completed if isinstance(state, Package) for need in state.needs}
    ordered: dict[str, State] = {}
    under_way: list[str] = []

    def place(identity: str) -> None:
        if identity in ordered:
            return
        if identity in under_way:
            raise DocumentError(f"States need each other in a circle: {' → '.join([*under_way, identity])}.")
        under_way.append(identity)
        state = by_identity[identity]
        for need in [*state.needs, *(before_packages if isinstance(state, Package) else ())]:
            place(need)
        under_way.pop()
        ordered[identity] = state

    # Units last: systemd then reads all their files at once. What needs a running unit draws it forward.
    for state in sorted(completed, key=lambda state: isinstance(state, Unit)):
        place(state.identity)
    return list(ordered.values())


def _without_repetitions(states: Iterable[State]) -> list[State]:
    found: dict[str, State] = {}
    for state in states:
        first = found.setdefault(state.identity, state)
        if first != state:
            raise DocumentError(f"Two roles want {state.identity} in different ways.")
    return list(found.values())


def _complete(states: Sequence[State]) -> list[State]:
    """Add the needs that follow from what a state is: its folder, its owner, its disk, the files a unit reads."""
    folders = {state.path: state.identity for state in states if isinstance(state, Directory | Mount)}
    users = {state.user: state.identity for state in states if isinstance(state, User)}
    groups = {state.name: state.identity for state in states if state.kind == "group"}
    disks = {state.device: state.identity for state in states if isinstance(state, FileSystem)}

    def implied(state: State) -> list[str]:
        found: list[str | None] = []
        if path := _place(state):
            above = [folders.get(str(parent)) for parent in PurePosixPath(path).parents]
            found.append(next((identity for identity in above if identity), None))
        if isinstance(state, Directory | File):
            found += [users.get(state.owner), groups.get(state.group)]
        if isinstance(state, User):
            found += [groups.get(group) for group in (state.group, *state.groups) if group]
        if isinstance(state, Mount):
            found.append(disks.get(state.device))
        if isinstance(state, Unit):
            found += [*state.restart_on, *state.reload_on]
        return [identity for identity in found if identity and identity != state.identity]

    return [replace(state, needs=tuple(dict.fromkeys([*state.needs, *implied(state)]))) for state in states]


def _place(state: State) -> str | None:
    if isinstance(state, Directory | File | Link | Absent | Mount):
        return state.path
    if isinstance(state, Archive):
        return f"{state.target}/current"
    return getattr(state, "data", None)
