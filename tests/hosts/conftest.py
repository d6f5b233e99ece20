"""A host that is a folder, and commands that are a table of answers: so operations can be tested anywhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hosts.agent.command_runner import Commands
from hosts.agent.host import Host
from hosts.agent.operations import OPERATIONS
from hosts.agent.results import CommandError, Difference
from hosts.agent.vault import Vault
from hosts.components.manifest import Manifest, of_inventory
from hosts.states import State
from infra.inventory.model import Inventory
from tests.hosts import sample


@dataclass
class Table(Commands):
    """Answers by the beginning of a command line; what is not in the table is an error of the test."""

    answers: dict[str, str | Exception | Callable[[], str]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)

    def run(
        self,
        command: Sequence[str],
        *,
        text: str | None = None,
        user: str | None = None,
        timeout: float = 60,
        accept: Sequence[int] = (0,),
    ) -> str:
        line = " ".join(str(word) for word in command)
        self.calls.append(line)
        self.inputs.append(text or "")
        for beginning in sorted(self.answers, key=len, reverse=True):
            if line.startswith(beginning):
                answer = self.answers[beginning]
                if isinstance(answer, Exception):
                    raise answer
                return answer() if callable(answer) else answer
        raise CommandError(f"the test has no answer for: {line}")

    def changing(self) -> list[str]:
        """The calls that are not questions."""
        questions = ("dpkg-query", "systemctl show", "nft --stateless", "unshare", "blkid", "journalctl", "psql")
        return [call for call in self.calls if not call.startswith(questions)]


class Known(Vault):
    """Secrets whose values the test gives."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__("https://vault.test/", {}, [])
        self._values = values
        self._fetched = True


@dataclass
class Scratch:
    """A folder with the accounts of whoever runs the tests, as a host's root."""

    root: Path
    table: Table
    secrets: dict[str, str] = field(default_factory=dict)

    def host(self, *states: State, planning: bool = False) -> Host:
        """The host with these states."""
        return Host(states, planning=planning, vault=Known(self.secrets), commands=self.table, root=self.root)

    def compare(self, state: State, *others: State) -> list[str]:
        """What differs, in words."""
        host = self.host(state, *others)
        return [difference.what for difference in OPERATIONS[type(state)].compare(state, host)]

    def differences(self, state: State) -> list[Difference]:
        """What differs, with lines."""
        return OPERATIONS[type(state)].compare(state, self.host(state))

    def apply(self, state: State, *others: State) -> None:
        """Bring the host to the state."""
        OPERATIONS[type(state)].apply(state, self.host(state, *others))

    def put(self, path: str, text: str = "", mode: int = 0o644) -> Path:
        """A file that is already there."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        return file

    def snapshot(self) -> dict[str, tuple[int, int, int, bytes]]:
        """All that is there, to prove that nothing was touched."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = (status.st_mode, status.st_ino, status.st_mtime_ns, content)
        return found


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """An empty host on which root is whoever runs the tests."""
    made = Scratch(tmp_path, Table())
    made.put("/etc/passwd", f"root:x:{os.getuid()}:{os.getgid()}:root:/root:/bin/bash\n")
    made.put("/etc/group", f"root:x:{os.getgid()}:\nadm:x:4:\n")
    return made


@pytest.fixture(scope="session")
def inventory() -> Inventory:
    """The made-up landscape."""
    return sample.inventory()


@pytest.fixture(scope="session")
def components(inventory: Inventory) -> list[Manifest]:
    """The component manifests of the project."""
    return of_inventory(inventory)
