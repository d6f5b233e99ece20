"""The host as the operations see it: its files, commands, facts and secrets, and what this run has done so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from hosts.agent.command_runner import Commands
from hosts.agent.facts import Facts
from hosts.agent.vault import Vault
from hosts.states import State, Unit


class Host:
    """One host, at ``root`` (``/`` but in tests)."""

    def __init__(
        self,
        states: Iterable[State],
        *,
        planning: bool,
        vault: Vault,
        commands: Commands,
        root: Path = Path("/"),
        fetch: Callable[[str, str], BinaryIO] | None = None,
    ) -> None:
        self.states = list(states)
        self.planning = planning
        """True: nothing whatever may be touched."""
        self.vault = vault
        self.commands = commands
        self.run = commands.run
        self.root = root
        self.units = [state for state in self.states if isinstance(state, Unit)]
        self.facts = Facts(commands, root, [unit.unit for unit in self.units])
        self.touched: set[str] = set()
        """Identities of states that changed in this run, or in a plan would change."""
        self.note: Callable[[str], None] = lambda text: None
        """Reports progress within a state to the operator. Raises AbandonedError when no one waits for it."""
        self.memory: dict[str, Any] = {}
        """What an operation has read and may use again, until it changes something."""
        self.units_are_read = False
        """Whether systemd has read all unit files as they are. It does not always notice itself: of a folder that was
        not there when it last looked, it knows nothing."""
        self.lost: dict[str, str] = {}
        """Other hosts whose run has failed, each with the reason: it is no use to wait for them."""
        self.restarts: dict[str, int] = {}
        """How often systemd had restarted each unit by itself when this run first looked, or last started it."""
        self.started: float | None = None
        """When this run last started a unit, of the monotonic clock."""
        self._fetch = fetch

    def path(self, absolute: str) -> Path:
        """Where an absolute path of the host is."""
        return self.root / absolute.lstrip("/")

    def artifact(self, file: str, sha256: str) -> BinaryIO:
        """The artifact's bytes from the operator's side, already checked against its checksum."""
        if self._fetch is None:
            raise RuntimeError("This run has no operator's side to fetch artifacts from.")
        return self._fetch(file, sha256)
