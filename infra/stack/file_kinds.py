"""The five kinds of files that a topology names: what each must hold, and what is wrong with one that does not."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from console.validation import shown
from infra.stack.fields import public_key_problem

PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
PGP_BEGIN = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
SIGNATURE_LINES = {
    # Hexadecimal digits in pairs, `?` for any, between wildcards: clamd does not start with half a byte.
    ".ndb": re.compile(
        r"[\w.-]+:\d+:(\*|VI|[A-Z]*[\d+-]+)(,\d+)?:([0-9a-fA-F?]{2}|\*|\{[\d-]+\}|\[[\d-]+\]|[()|!])+(:\d+){0,2}"
    ),
    ".hdb": re.compile(r"[0-9a-fA-F]{32}:(\d+|\*):[\w.-]+(:\d+){0,2}"),
}
"""ClamAV signature files by their suffix, and what a line of each looks like."""


@dataclass(frozen=True)
class FileKind:
    """One kind of named file."""

    description: str
    """What to give in the topology, for the remedy of a mistake."""
    problem: Callable[[Path, Sequence[str]], str | None]
    """Says what is wrong with a readable file. The second argument: the host names that a certificate must cover."""


def lines_of(text: str) -> list[str]:
    """The lines of a file with keys or signatures, without blank lines and comments."""
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _public_keys(file: Path, _host_names: Sequence[str]) -> str | None:
    lines = lines_of(file.read_text(errors="replace"))
    reasons = [reason for line in lines if (reason := public_key_problem(line))]
    return f"holds no SSH public key: {(reasons or ['it is empty'])[0]}" if reasons or not lines else None


def _signatures(file: Path, _host_names: Sequence[str]) -> str | None:
    if file.suffix not in SIGNATURE_LINES:
        return f"does not end with {' or '.join(SIGNATURE_LINES)}: clamd would not read it"
    lines = lines_of(file.read_text(errors="replace"))
    wrong = [line for line in lines if not SIGNATURE_LINES[file.suffix].fullmatch(line)]
    if wrong or not lines:
        return f"holds no signatures of its kind: {shown(wrong[0]) if wrong else 'it is empty'}"
    return None


def _authority(file: Path, _host_names: Sequence[str]) -> str | None:
    return None if PEM_BEGIN in file.read_text(errors="replace") else "holds no PEM certificate"


def _keyring(file: Path, _host_names: Sequence[str]) -> str | None:
    return None if PGP_BEGIN in file.read_text(errors="replace") else "holds no ASCII-armoured public key"


def _pfx(file: Path, host_names: Sequence[str]) -> str | None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return f"can be read by others (mode {mode:04o}): chmod 600 {file}"
    # Imported here: slow, and most runs that end early do not need it.
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509 import DNSName, ExtensionNotFound, SubjectAlternativeName

    try:
        key, certificate, _ = pkcs12.load_key_and_certificates(file.read_bytes(), None)
    except ValueError as error:
        return f"is not a PKCS#12 file without a password ({str(error).split('.')[0]})"
    if key is None or certificate is None:
        return "lacks the private key or the certificate"
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value.get_values_for_type(
            DNSName
        )
    except ExtensionNotFound:
        names = []
    missing = [name for name in host_names if name not in names and f"*.{name.partition('.')[2]}" not in names]
    return f"has a certificate that does not cover {', '.join(missing)}" if missing else None


PUBLIC_KEYS = FileKind("the path of a file with SSH public keys, one per line", _public_keys)
SIGNATURES = FileKind(
    "the path of a file of ClamAV signatures, e.g. name.ndb with lines NAME:TARGET:OFFSET:HEX", _signatures
)
AUTHORITY = FileKind("the path of a PEM certificate", _authority)
KEYRING = FileKind(
    "the path of an ASCII-armoured public key in the project, or an absolute path on the host's image", _keyring
)
PFX = FileKind("the path of a PKCS#12 file without a password, mode 0600, whose certificate covers all endpoints", _pfx)
