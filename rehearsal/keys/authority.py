"""The rehearsal's certificate authority, and the certificates it signs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from landscape import certificates
from toolchain.files import write_atomically

AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LEAF_LIFETIME = dt.timedelta(days=397)
"""What public authorities may sign at most, so that the checks of remaining days see ordinary numbers."""
RENEW_BEFORE = dt.timedelta(days=60)
"""A certificate with less left is signed anew: more than any endpoint's `minimum_certificate_days`."""


@dataclass(frozen=True)
class Leaf:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def _key_identifier(self) -> x509.SubjectKeyIdentifier:
        return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())

    def sign(self, names: Sequence[str]) -> Leaf:
        """A server certificate for the DNS names, the first of which is its subject."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject, lifetime = certificates.common_name(names[0]), LEAF_LIFETIME - certificates.CLOCK_SKEW
        certificate = (
            certificates.leaf(subject, self.certificate.subject, key.public_key(), lifetime)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._key_identifier), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return Leaf(certificate, key)

    def signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def still_good(self, certificate: x509.Certificate, names: Sequence[str]) -> bool:
        """Whether it is ours, for exactly these names, and not about to end."""
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return (
            set(alternative.get_values_for_type(x509.DNSName)) == set(names)
            and ends_later(certificate)
            and self.signed(certificate)
        )


def ends_later(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - RENEW_BEFORE > dt.datetime.now(dt.UTC)


def new_authority(title: str) -> Authority:
    """A self-signed authority, named ``title``, that may sign servers' certificates but no other authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = certificates.authority(certificates.common_name(title), key.public_key(), AUTHORITY_LIFETIME)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def load_authority(certificate: Path, key: Path) -> Authority | None:
    """The authority in the two files; None unless both are there, belong together and it does not end soon."""
    try:
        loaded = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError):
        return None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != loaded.public_key():
        return None
    return Authority(loaded, private) if ends_later(loaded) else None


def save_authority(authority: Authority, certificate: Path, key: Path) -> None:
    # The key first: a certificate whose key never reached the disk could not sign anything.
    write_atomically(key, Leaf(authority.certificate, authority.key).key_pem)
    write_atomically(certificate, authority.pem)


def to_pfx(leaf: Leaf, authority: Authority) -> bytes:
    """PKCS#12 without password, as Key Vault and the Application Gateway take it."""
    return pkcs12.serialize_key_and_certificates(
        b"livegang", leaf.key, leaf.certificate, [authority.certificate], NoEncryption()
    )


def certificate_in_pem(content: bytes) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(content)
    except ValueError:
        return None


def certificate_in_pfx(content: bytes) -> x509.Certificate | None:
    try:
        return pkcs12.load_key_and_certificates(content, password=None)[1]
    except ValueError:
        return None
