"""The files that a topology names: read in one place, and checked before anything is touched.

Relative paths start at the project's folder, ``{state}`` is the machine's own folder. The files hold what does
not belong in a stack file: keys generated on the machine, the endpoints' certificate.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console.validation import Mistake, present, shown
from infra.stack.file_kinds import AUTHORITY, KEYRING, PFX, PGP_BEGIN, PUBLIC_KEYS, SIGNATURES, FileKind, lines_of
from infra.stack.shared import Packages, PackageSource
from infra.stack.topology import Topology, TransferSpec
from toolchain.folders import fill_in


@dataclass(frozen=True)
class NamedFiles:
    """Reads the files of a valid topology."""

    topology: Topology
    root: Path

    def administrator_keys(self) -> list[str]:
        """The operators' SSH public keys, from the topology or from the file that it names."""
        administrator = self.topology.administrator
        if administrator.public_key_file is None:
            return list(administrator.public_keys)
        return lines_of((self.root / fill_in(administrator.public_key_file)).read_text())

    def old_hoster_keys(self) -> list[str]:
        """The old hoster's SSH public keys, from the topology or a file; empty without a transfer host."""
        transfer = self.topology.transfer
        if transfer is None:
            return []
        if transfer.old_hoster.public_key_file is None:
            return list(transfer.old_hoster.public_keys)
        return lines_of((self.root / fill_in(transfer.old_hoster.public_key_file)).read_text())

    def signatures(self) -> dict[str, str]:
        """Text of the stack's own signature files by name; empty without a transfer host."""
        paths = self.topology.transfer.signatures.files if self.topology.transfer else []
        return {Path(path).name: (self.root / fill_in(path)).read_text() for path in paths}

    def authorities(self) -> list[str]:
        """PEM certificates to trust in addition to the public ones."""
        return [(self.root / fill_in(path)).read_text().strip() + "\n" for path in self.topology.trusted_authorities]

    def pfx(self) -> str:
        """The endpoints' certificate and key, base64. A secret."""
        return base64.b64encode((self.root / fill_in(self.topology.certificate.pfx_file)).read_bytes()).decode()

    def packages(self) -> Packages:
        """The package sources, with the project's keyrings read in; absolute paths are on the host's image."""
        sources = [self._with_keyring(source) for source in self.topology.packages.sources]
        return Packages(sources=sources)

    def _with_keyring(self, source: PackageSource) -> PackageSource:
        if not _is_in_project(source.keyring):
            return source
        return source.model_copy(update={"keyring": (self.root / fill_in(source.keyring)).read_text()})


@dataclass(frozen=True)
class NamedFile:
    """One file that the topology names."""

    key: tuple[str | int, ...]
    """Where in the topology."""
    path: str
    """As it is written there."""
    kind: FileKind


def files_of(topology: Topology) -> Iterator[NamedFile]:
    """Every file that the topology names, as far as the topology could be read."""
    if present(topology.administrator.public_key_file):
        yield NamedFile(("administrator", "public_key_file"), str(topology.administrator.public_key_file), PUBLIC_KEYS)
    if present(topology.certificate.pfx_file):
        yield NamedFile(("certificate", "pfx_file"), topology.certificate.pfx_file, PFX)
    if present(topology.transfer) and topology.transfer is not None:
        yield from _transfer_files(topology.transfer)
    for number, path in enumerate(topology.trusted_authorities):
        yield NamedFile(("trusted_authorities", number), path, AUTHORITY)
    for number, source in enumerate(topology.packages.sources):
        if present(source.keyring) and _is_in_project(source.keyring):
            yield NamedFile(("packages", "sources", number, "keyring"), source.keyring, KEYRING)


def _transfer_files(transfer: TransferSpec) -> Iterator[NamedFile]:
    if present(transfer.old_hoster.public_key_file):
        key_file = str(transfer.old_hoster.public_key_file)
        yield NamedFile(("transfer", "old_hoster", "public_key_file"), key_file, PUBLIC_KEYS)
    for number, path in enumerate(transfer.signatures.files):
        yield NamedFile(("transfer", "signatures", "files", number), path, SIGNATURES)


def unusable_files(topology: Topology, root: Path) -> Iterator[Mistake]:
    """A mistake for each named file that is missing, unreadable, or not what it should be."""
    administrator = topology.administrator
    if not administrator.public_keys and not present(administrator.public_key_file):
        yield Mistake(
            ("administrator",),
            "has neither public_keys nor public_key_file",
            "Give at least one SSH public key: without it no one can log in.",
        )
    host_names = [endpoint.host_name for endpoint in topology.endpoints.values() if present(endpoint.host_name)]
    for named in files_of(topology):
        file = root / fill_in(named.path)
        remedy = f"Expected: {named.kind.description}."
        if reason := _unreadable(file):
            hint = "Files below {state} are made by `make rehearse`."
            yield Mistake(named.key, f"{shown(named.path)} {reason}", f"{remedy} {hint}")
        elif reason := named.kind.problem(file, host_names):
            yield Mistake(named.key, f"{shown(named.path)} {reason}", remedy)


def _unreadable(file: Path) -> str | None:
    try:
        file.read_bytes()
    except FileNotFoundError:
        return f"does not exist ({file})"
    except OSError as error:
        return f"cannot be read ({error.strerror}, {file})"
    return None


def _is_in_project(keyring: str) -> bool:
    """Whether a keyring is a file of the project; otherwise it is on the host's image, or given in full."""
    return not keyring.startswith(("/", PGP_BEGIN))
