"""Throwaway files, in place of files that a stack names and that do not exist on this machine.

Offline nothing is ever made with them: they only have to pass the program's checks.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from cryptography.x509.oid import NameOID

from infra.stack.file_kinds import AUTHORITY, KEYRING, PFX, PGP_BEGIN, PUBLIC_KEYS, SIGNATURES, FileKind

NAME = "throwaway, offline"


def write(kind: FileKind, file: Path, host_names: Sequence[str]) -> None:
    """Write a file of this kind; ``host_names`` are what a certificate must cover."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _WRITERS[kind](file, host_names)


def _write_signatures(file: Path, _host_names: Sequence[str]) -> None:
    is_hash = file.suffix == ".hdb"
    file.write_text(f"{'0' * 32}:1:Throwaway.Offline\n" if is_hash else "Throwaway.Offline:0:0:00000000\n")


def _write_public_keys(file: Path, _host_names: Sequence[str]) -> None:
    file.write_text(f"{_public_key()}\n")


def _write_pfx(file: Path, host_names: Sequence[str]) -> None:
    key, certificate = _certificate(host_names)
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"throwaway", key, certificate, None, NoEncryption()))
    file.chmod(0o600)


def _write_authority(file: Path, host_names: Sequence[str]) -> None:
    file.write_bytes(_certificate(host_names)[1].public_bytes(Encoding.PEM))


def _write_keyring(file: Path, _host_names: Sequence[str]) -> None:
    file.write_text(f"{PGP_BEGIN}\nComment: {NAME}\n-----END PGP PUBLIC KEY BLOCK-----\n")


_WRITERS = {
    PUBLIC_KEYS: _write_public_keys,
    SIGNATURES: _write_signatures,
    PFX: _write_pfx,
    AUTHORITY: _write_authority,
    KEYRING: _write_keyring,
}


def _public_key() -> str:
    """Something of the form of an ed25519 key, all zeros: no one has its private half."""
    parts = (b"ssh-ed25519", bytes(32))
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} {NAME}"


def _certificate(host_names: Sequence[str]) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in host_names]), critical=False)
        .sign(key, SHA256())
    )
    return key, certificate
