"""Files that the topology names: read once, and checked before anything is touched.

Relative paths start at the project's folder, ``{state}`` leads to what is born on the machine. The files hold what does
not belong into a stack's file: keys that are born on a machine, the endpoints' certificate.
"""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from console.validation import Mistake, present, shown
from infra.inventory.model import Packages, PackageSource, Transfer, filled
from infra.stack.fields import is_public_key
from infra.stack.topology import Topology
from infra.stack.topology import Transfer as WantedTransfer

PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
PGP_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
SIGNATURES = {
    # Hexadecimal digits in pairs, `?` for any, between wildcards: clamd does not start with half a byte.
    ".ndb": re.compile(
        r"[\w.-]+:\d+:(\*|VI|[A-Z]*[\d+-]+)(,\d+)?:([0-9a-fA-F?]{2}|\*|\{[\d-]+\}|\[[\d-]+\]|[()|!])+(:\d+){0,2}"
    ),
    ".hdb": re.compile(r"[0-9a-fA-F]{32}:(\d+|\*):[\w.-]+(:\d+){0,2}"),
}
"""ClamAV's signature files of one's own, by the end of their name, and what a line of each looks like."""


@dataclass(frozen=True)
class NamedFiles:
    """Reads the files of a valid topology."""

    topology: Topology
    root: Path

    def administrator_keys(self) -> list[str]:
        """The operators' SSH public keys, wherever they are given."""
        administrator = self.topology.administrator
        if administrator.public_key_file is None:
            return list(administrator.public_keys)
        return _lines((self.root / filled(administrator.public_key_file)).read_text())

    def transfer(self) -> Transfer | None:
        """The old hoster's drop, with keys and signature files read in."""
        wanted = self.topology.transfer
        if wanted is None:
            return None
        keys = list(wanted.old_hoster.public_keys)
        if wanted.old_hoster.public_key_file is not None:
            keys = _lines((self.root / filled(wanted.old_hoster.public_key_file)).read_text())
        return Transfer(
            user=wanted.old_hoster.user,
            public_keys=keys,
            signatures={Path(path).name: (self.root / filled(path)).read_text() for path in wanted.signatures.files},
            signature_source=wanted.signatures.source,
            oldest_signatures_hours=wanted.signatures.oldest_hours,
            largest_file_mb=wanted.largest_file_mb,
            patience_seconds=wanted.patience_seconds,
        )

    def authorities(self) -> list[str]:
        """PEM certificates to trust beside the public ones."""
        return [(self.root / filled(path)).read_text().strip() + "\n" for path in self.topology.trusted_authorities]

    def pfx(self) -> str:
        """The endpoints' certificate and key, base64. A secret."""
        return base64.b64encode((self.root / filled(self.topology.certificate.pfx_file)).read_bytes()).decode()

    def packages(self) -> Packages:
        """The package sources, with the keyrings of the project read in; absolute paths are on the host's image."""
        sources = [self._with_keyring(source) for source in self.topology.packages.sources]
        return Packages(sources=sources)

    def _with_keyring(self, source: PackageSource) -> PackageSource:
        if not _is_in_project(source.keyring):
            return source
        return source.model_copy(update={"keyring": (self.root / filled(source.keyring)).read_text()})


def named_paths(topology: Topology) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Key and path of every file the topology names, as far as it could be read."""
    if present(topology.administrator.public_key_file):
        yield ("administrator", "public_key_file"), str(topology.administrator.public_key_file)
    if present(topology.certificate.pfx_file):
        yield ("certificate", "pfx_file"), topology.certificate.pfx_file
    if present(topology.transfer) and topology.transfer is not None:
        yield from _transfer_paths(topology.transfer)
    for number, path in enumerate(topology.trusted_authorities):
        yield ("trusted_authorities", number), path
    for number, source in enumerate(topology.packages.sources):
        if present(source.keyring) and _is_in_project(source.keyring):
            yield ("packages", "sources", number, "keyring"), source.keyring


def _transfer_paths(transfer: WantedTransfer) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if present(transfer.old_hoster.public_key_file):
        yield ("transfer", "old_hoster", "public_key_file"), str(transfer.old_hoster.public_key_file)
    for number, path in enumerate(transfer.signatures.files):
        yield ("transfer", "signatures", "files", number), path


def unusable_files(topology: Topology, root: Path) -> Iterator[Mistake]:
    """A mistake for each named file that is missing, unreadable, or not what it should be."""
    administrator = topology.administrator
    if not administrator.public_keys and not present(administrator.public_key_file):
        yield Mistake(
            ("administrator",),
            "has neither public_keys nor public_key_file",
            "Right would be at least one SSH public key: without it nobody can log in.",
        )
    for key, path in named_paths(topology):
        file = root / filled(path)
        reason = _unreadable(file)
        if reason:
            remedy = f"Right would be {_what_it_should_be(key)}. What is born on the machine, `make rehearse` makes."
            yield Mistake(key, f"{shown(path)} {reason}", remedy)
            continue
        reason = _wrong_content(key, file, topology)
        if reason:
            yield Mistake(key, f"{shown(path)} {reason}", "Right would be " + _what_it_should_be(key) + ".")


def _unreadable(file: Path) -> str | None:
    try:
        file.read_bytes()
    except FileNotFoundError:
        return f"does not exist ({file})"
    except OSError as error:
        return f"cannot be read ({error.strerror}, {file})"
    return None


def _wrong_content(key: tuple[str | int, ...], file: Path, topology: Topology) -> str | None:
    match key[0]:
        case "transfer" if "signatures" in key:
            return _wrong_signatures(file)
        case "administrator" | "transfer":
            lines = _lines(file.read_text(errors="replace"))
            reasons = [reason for line in lines if (reason := is_public_key(line))]
            return f"holds no SSH public key: {(reasons or ['it is empty'])[0]}" if reasons or not lines else None
        case "trusted_authorities":
            return None if PEM_BEGIN in file.read_text(errors="replace") else "holds no PEM certificate"
        case "packages":
            return None if PGP_BEGIN in file.read_text(errors="replace") else "holds no ASCII-armoured public key"
        case _:
            return _wrong_pfx(file, topology)


def _wrong_signatures(file: Path) -> str | None:
    if file.suffix not in SIGNATURES:
        return f"does not end with {' or '.join(SIGNATURES)}: clamd would not read it"
    lines = _lines(file.read_text(errors="replace"))
    wrong = [line for line in lines if not SIGNATURES[file.suffix].fullmatch(line)]
    return f"holds no signatures of its kind: {shown((wrong or ['it is empty'])[0])}" if wrong or not lines else None


def _wrong_pfx(file: Path, topology: Topology) -> str | None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return f"can be read by others (mode {mode:04o}): chmod 600 {file}"
    # Imported here: most runs that end early need no cryptography.
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(file.read_bytes(), None)
    except ValueError as error:
        return f"is no PKCS#12 file without a password ({str(error).split('.')[0]})"
    if key is None or certificate is None:
        return "lacks the private key or the certificate"
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(
            DNSName
        )
    except ExtensionNotFound:
        names = []
    wanted = [endpoint.host_name for endpoint in topology.endpoints.values() if present(endpoint.host_name)]
    missing = [name for name in wanted if name not in names and f"*.{name.partition('.')[2]}" not in names]
    return f"has a certificate that does not cover {', '.join(missing)}" if missing else None


def _what_it_should_be(key: tuple[str | int, ...]) -> str:
    match key[0]:
        case "transfer" if "signatures" in key:
            return "the path of a file of ClamAV signatures, e.g. name.ndb with lines NAME:TARGET:OFFSET:HEX"
        case "administrator" | "transfer":
            return "the path of a file with SSH public keys, one a line"
        case "trusted_authorities":
            return "the path of a PEM certificate"
        case "packages":
            return "the path of an ASCII-armoured public key in the project, or an absolute path on the host's image"
        case _:
            return "the path of a PKCS#12 file without a password, mode 0600, whose certificate covers all endpoints"


def _is_in_project(keyring: str) -> bool:
    """Whether a keyring is a file of the project; else it is on the host's image, or given in full."""
    return not keyring.startswith(("/", PGP_BEGIN))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
