"""The gateway's certificates: read from Key Vault with its identities, and converted into what nginx reads."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from rehearsal.base.handler import HandlerError
from rehearsal.gateway.model import Certificate, Gateway
from rehearsal.vault import AccessRefused, VaultService
from rehearsal.vault.identities import Identity


@dataclass(frozen=True)
class CertifiedKey:
    """A certificate with its chain, and its private key; both in PEM."""

    chain: bytes
    key: bytes = field(repr=False)


def obtain(gateway: Gateway, vault: VaultService, identities: Sequence[Identity]) -> dict[str, CertifiedKey]:
    """All certificates of the gateway by name.

    Raises HandlerError with Azure's code (ApplicationGatewayKeyVaultSecretException) if none of its identities may
    read a secret, or if the secret is not a certificate with its private key.
    """
    return {certificate.name: _one(gateway, certificate, vault, identities) for certificate in gateway.certificates}


def _one(
    gateway: Gateway, certificate: Certificate, vault: VaultService, identities: Sequence[Identity]
) -> CertifiedKey:
    if certificate.secret is None:
        try:
            return certified_key(certificate.data or "", certificate.password)
        except ValueError as error:
            raise HandlerError(f"ApplicationGatewaySslCertificateInvalidData: {certificate.name}: {error}.") from error
    reason = "the gateway has no identity that exists"
    for identity in identities:
        try:
            return certified_key(vault.fetch(certificate.secret, identity.principal).content.value, None)
        except AccessRefused as refused:
            reason = f"as {identity.id.rsplit('/', 1)[-1]}: {refused}"
        except ValueError as error:
            reason = str(error)
    raise HandlerError(
        f"ApplicationGatewayKeyVaultSecretException: Problem occurred while accessing and validating KeyVault Secrets "
        f"associated with Application Gateway '{gateway.id}': {certificate.secret}: {reason}"
    )


def certified_key(text: str, password: str | None) -> CertifiedKey:
    """Read PKCS#12 in base64, or PEM. Raises ValueError with what is wrong."""
    chain, key = _pem(text) if "-----BEGIN" in text else _pkcs12(text, password)
    first = x509.load_pem_x509_certificate(chain)
    private = load_pem_private_key(key, password=None)
    if private.public_key() != first.public_key():
        raise ValueError("the private key does not belong to the certificate")
    if first.not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise ValueError(f"the certificate expired on {first.not_valid_after_utc:%Y-%m-%d}")
    return CertifiedKey(chain, key)


def fingerprint(chain: bytes) -> bytes:
    """SHA-256 of the first certificate, the one a client is shown."""
    return x509.load_pem_x509_certificate(chain).fingerprint(SHA256())


def _pem(text: str) -> tuple[bytes, bytes]:
    content = text.encode()
    certificates = x509.load_pem_x509_certificates(content)
    start = text.find("-----BEGIN PRIVATE KEY-----")
    if start < 0:
        raise ValueError("the secret has no private key")
    end = "-----END PRIVATE KEY-----"
    key = text[start : text.find(end, start) + len(end)] + "\n"
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates), key.encode()


def _pkcs12(text: str, password: str | None) -> tuple[bytes, bytes]:
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the secret is neither PEM nor PKCS#12 in base64") from error
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password.encode() if password else None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("the PKCS#12 cannot be read; in Key Vault it must be without a password") from error
    if key is None or certificate is None:
        raise ValueError("the PKCS#12 does not contain both a certificate and its private key")
    chain = b"".join(one.public_bytes(Encoding.PEM) for one in [certificate, *others])
    return chain, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
