from __future__ import annotations

import base64
import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, pkcs12

from rehearsal.gateway.certificates import certified_key, fingerprint
from rehearsal.keys import authority as authorities
from rehearsal.keys.authority import Authority, new_authority, to_pfx


@pytest.fixture(scope="module")
def authority() -> Authority:
    return new_authority("test")


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def test_pkcs12_is_read_with_its_chain(authority: Authority) -> None:
    leaf = authority.sign(["a.test"])
    found = certified_key(encoded(to_pfx(leaf, authority)), None)
    assert x509.load_pem_x509_certificates(found.chain) == [leaf.certificate, authority.certificate]
    assert found.key == leaf.key_pem
    assert len(fingerprint(found.chain)) == 32
    assert "PRIVATE" not in repr(found)


def test_pem_is_read_too(authority: Authority) -> None:
    leaf = authority.sign(["a.test"])
    text = (leaf.key_pem + leaf.certificate.public_bytes(Encoding.PEM) + authority.pem).decode()
    assert certified_key(text, None).key == leaf.key_pem


def test_a_password_opens_a_pkcs12_that_has_one(authority: Authority) -> None:
    leaf = authority.sign(["a.test"])
    content = pkcs12.serialize_key_and_certificates(
        b"x", leaf.key, leaf.certificate, None, BestAvailableEncryption(b"geheim")
    )
    assert certified_key(encoded(content), "geheim").key == leaf.key_pem
    with pytest.raises(ValueError, match="without a password"):
        certified_key(encoded(content), None)


def test_anything_but_a_certificate_with_its_key_is_refused(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaf, other = authority.sign(["a.test"]), authority.sign(["b.test"])
    alone = pkcs12.serialize_key_and_certificates(b"x", None, leaf.certificate, None, NoEncryption())
    mixed = (other.key_pem + leaf.certificate.public_bytes(Encoding.PEM)).decode()
    monkeypatch.setattr(authorities, "LEAF_LIFETIME", dt.timedelta(minutes=1))
    expired = encoded(to_pfx(authority.sign(["a.test"]), authority))
    for text, reason in [
        ("not base64!", "neither PEM nor PKCS#12"),
        (encoded(b"junk"), "cannot be read"),
        (encoded(alone), "not contain both a certificate and its private key"),
        (leaf.certificate.public_bytes(Encoding.PEM).decode(), "no private key"),
        (mixed, "does not belong"),
        (expired, "the certificate expired on"),
    ]:
        with pytest.raises(ValueError, match=reason):
            certified_key(text, None)
