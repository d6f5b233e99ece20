"""What the host is now, read in as few calls as possible and kept until something changes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from hosts.agent.command_runner import Commands

UNIT_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "NeedDaemonReload",
    "Result",
    "ConditionResult",
    "NRestarts",
)


class Facts:
    """Packages, units and accounts of a host."""

    def __init__(self, commands: Commands, root: Path, units: Sequence[str]) -> None:
        self._commands = commands
        self._root = root
        self._unit_names = list(dict.fromkeys(units))
        self._packages: dict[str, str] | None = None
        self._units: dict[str, dict[str, str]] = {}

    def package(self, name: str) -> str:
        """dpkg's two letters for a package (wanted, is): ``ii`` when it is installed; empty when it is unknown."""
        if self._packages is None:
            self._packages = {}
            command = ["dpkg-query", "--show", "--showformat", "${Package} ${db:Status-Abbrev}\n"]
            for line in self._commands.run(command, accept=(0, 1)).splitlines():
                package, _, status = line.partition(" ")
                # Of a package for several architectures, one that is installed decides.
                if self._packages.get(package) != "ii":
                    self._packages[package] = status.strip()
        return self._packages.get(name, "")

    def half_installed(self) -> list[str]:
        """Packages that an interrupted dpkg left unpacked or half configured."""
        self.package("dpkg")
        return [name for name, status in (self._packages or {}).items() if status[1:2] in ("U", "F", "H", "W", "t")]

    def half_unpacked(self) -> list[str]:
        """Those of them whose unpacking broke off: dpkg wants them unpacked anew, whoever needs them."""
        return [name for name in self.half_installed() if self.package(name)[2:3] == "R"]

    def unit(self, name: str) -> dict[str, str]:
        """systemd's properties of a unit; all units of the document are asked about in one call."""
        if name not in self._units:
            wanted = [name, *(unit for unit in self._unit_names if unit != name and unit not in self._units)]
            command = ["systemctl", "show", "--property", ",".join(UNIT_PROPERTIES), "--", *wanted]
            blocks = self._commands.run(command).strip("\n").split("\n\n")
            for unit, block in zip(wanted, blocks, strict=True):
                self._units[unit] = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        return self._units[name]

    def forget_packages(self) -> None:
        """Packages changed, and with them perhaps units."""
        self._packages = None
        self._units = {}

    def forget_units(self, names: Iterable[str] | None = None) -> None:
        """These units (all, without names) may be other than they were."""
        for name in list(self._units if names is None else names):
            self._units.pop(name, None)

    def accounts(self, database: str) -> dict[str, list[str]]:
        """Rows of ``passwd`` or ``group`` by name; of the files, for roles declare local accounts only."""
        file = self._root / "etc" / database
        if not file.exists():
            return {}
        rows = (line.split(":") for line in file.read_text().splitlines() if line.strip())
        return {row[0]: row for row in rows}

    def uid(self, user: str) -> int | None:
        """A user's number, or None if there is no such user."""
        row = self.accounts("passwd").get(user)
        return int(row[2]) if row else None

    def gid(self, group: str) -> int | None:
        """A group's number, or None if there is no such group."""
        row = self.accounts("group").get(group)
        return int(row[2]) if row else None
