"""Where snapshots are, which of their folders are still needed, and what is left over.

A folder is named at random. It is a snapshot from the moment that it contains ``snapshot.json``, which is written
last. A host that was reset lies on its snapshot's layer until it is reset again: such a folder stays, even if its
snapshot was removed or taken anew meanwhile. Every other folder without ``snapshot.json`` is left over.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from console import ExpectedError
from rehearsal.base.mounts import BELOW
from rehearsal.base.settings import Settings
from rehearsal.snapshots import copying
from rehearsal.snapshots.dependencies import SnapshotDependencies
from toolchain.files import write_atomically

DEFAULT_NAME = "converged"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

RESERVE = 1024**3
"""Bytes that stay free on the disk whatever is copied."""

ABOUT = "snapshot.json"


@dataclass(frozen=True)
class Snapshot:
    """One that is complete."""

    name: str
    identifier: str
    """Name of its folder."""
    taken: float
    """Seconds since the epoch."""
    hosts: list[str]
    """Folders of machines, e.g. ``vm-db01``."""
    disks: list[str]
    """Files of data disks, e.g. ``disk-db01-data.img``."""
    size: int
    """Bytes on the disk, those not counted that it shares with the snapshot before it."""
    landscape: SnapshotDependencies


class Store:
    """The snapshots of one rehearsal. Nothing is locked: see `fabfile.snapshot_commands` and `take`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = settings.snapshots

    def all(self) -> list[Snapshot]:
        """Newest first."""
        found = [self._read(path) for path in self.folder.glob(f"*/{ABOUT}")]
        return sorted(found, key=lambda snapshot: -snapshot.taken)

    def find(self, name: str) -> Snapshot:
        """The snapshot of this name; raises ExpectedError listing those that there are."""
        known = self.all()
        for snapshot in known:
            if snapshot.name == name:
                return snapshot
        if not known:
            raise ExpectedError("There is no snapshot to go back to.", hint="Take one: fab rehearsal.snapshot")
        raise ExpectedError(f"There is no snapshot {name}; there are: {', '.join(other.name for other in known)}.")

    def by_identifier(self, identifier: str) -> Snapshot | None:
        path = self.folder / identifier / ABOUT
        return self._read(path) if path.exists() else None

    def root(self, identifier: str, host: str) -> Path:
        """Where the layer of a host is, by its machine's folder."""
        return self.folder / identifier / "roots" / host

    def disk(self, identifier: str, file: str) -> Path:
        return self.folder / identifier / "disks" / file

    def below(self, host: str) -> Path | None:
        """The layer that a host lies on since it was reset."""
        link = self._settings.machines / host / BELOW
        return link.resolve() if link.is_symlink() else None

    def begin(self) -> str:
        """A fresh folder; returns its name."""
        identifier = secrets.token_hex(4)
        for part in ("roots", "disks"):
            (self.folder / identifier / part).mkdir(parents=True, mode=0o700)
        self.folder.chmod(0o700)
        return identifier

    def publish(self, snapshot: Snapshot) -> None:
        """It is complete; another of the same name is none any more."""
        content = json.dumps(asdict(snapshot), indent=1, sort_keys=True).encode()
        write_atomically(self.folder / snapshot.identifier / ABOUT, content)
        for other in self.all():
            if other.name == snapshot.name and other.identifier != snapshot.identifier:
                (self.folder / other.identifier / ABOUT).unlink()

    def forget(self, name: str) -> None:
        """It is a snapshot no more; its folder goes with the next sweep, unless hosts lie on it."""
        (self.folder / self.find(name).identifier / ABOUT).unlink()

    def trash(self) -> Path:
        """A fresh folder for what is to go."""
        path = self.folder / f"trash-{secrets.token_hex(4)}"
        path.mkdir(parents=True, mode=0o700)
        return path

    def sweep(self) -> None:
        """Remove what is left over. Not while a snapshot is being taken: its folder looks like one."""
        copying.remove_trees(self._left_over())

    def _left_over(self) -> list[Path]:
        """Folders that are no snapshot and that no host lies on."""
        if not self.folder.exists():
            return []
        links = self._settings.machines.glob(f"*/{BELOW}")
        used = {link.readlink().parent.parent.name for link in links}
        return [path for path in self.folder.glob("*/") if not (path / ABOUT).exists() and path.name not in used]

    def _read(self, path: Path) -> Snapshot:
        try:
            known = json.loads(path.read_bytes())
            return Snapshot(**known | {"landscape": SnapshotDependencies(**known["landscape"])})
        except (ValueError, TypeError, KeyError) as error:
            raise ExpectedError(
                f"{path} is not what a snapshot says about itself ({error}).",
                hint=f"Remove that snapshot: rm -r {path.parent}, then take one: fab rehearsal.snapshot",
            ) from error


def check_name(name: str) -> None:
    """Raise ExpectedError for what cannot be a snapshot's name."""
    if not NAME.fullmatch(name):
        raise ExpectedError(
            f"{name!r} cannot be the name of a snapshot.", hint="Lower-case letters, digits and hyphens, 40 at most."
        )


def check_space(folder: Path, needed: int, what: str) -> None:
    """Raise ExpectedError when ``needed`` bytes would leave the disk of ``folder`` all but full."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < needed + RESERVE:
        raise ExpectedError(
            f"{what} needs {needed / 2**30:.1f} GiB and 1 GiB to spare, but the disk of {existing} has only "
            f"{free / 2**30:.1f} GiB free.",
            hint="Make room, or remove a snapshot: fab rehearsal.snapshot --remove --name NAME",
        )
