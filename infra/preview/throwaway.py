"""Throwaway files in the place of those that a stack names and that are not on this machine.

On paper nothing is ever made of them: they only have to be what the program's checks ask for.
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

from infra.stack.named_files import PGP_BEGIN

NAME = "throwaway on paper"


def write(kind: str, file: Path, host_names: Sequence[str]) -> None:
    """Write a file for the topology's key ``kind``; ``host_names`` are what a certificate must cover."""
    file.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "transfer" if file.suffix == ".ndb":
            file.write_text("Throwaway.On.Paper:0:0:00000000\n")
        case "transfer" if file.suffix == ".hdb":
            file.write_text(f"{'0' * 32}:1:Throwaway.On.Paper\n")
        case "administrator" | "transfer":
            file.write_text(f"{_public_key()}\n")
        case "certificate":
            key, certificate = _certificate(host_names)
            file.write_bytes(
                pkcs12.serialize_key_and_certificates(b"throwaway", key, certificate, None, NoEncryption())
            )
            file.chmod(0o600)
        case "trusted_authorities":
            file.write_bytes(_certificate(host_names)[1].public_bytes(Encoding.PEM))
        case "packages":
            file.write_text(f"{PGP_BEGIN}\nComment: {NAME}\n-----END PGP PUBLIC KEY BLOCK-----\n")
        case _:
            raise ValueError(f"no throwaway for {kind}")


def _public_key() -> str:
    """The form of an ed25519 key, all zeros: nobody has its private half."""
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
