"""Trusted authorities."""

from __future__ import annotations

from hosts.states import TrustedCertificate
from tests.hosts.conftest import Scratch

PEM = "-----BEGIN CERTIFICATE-----\nb25l\n-----END CERTIFICATE-----\n"
STATE = TrustedCertificate(label="livegang-1", pem=PEM)


def test_an_authority_is_trusted_whoever_brought_it(scratch: Scratch) -> None:
    scratch.put("/etc/ssl/certs/ca-certificates.crt", f"-----BEGIN…\n{PEM}")
    assert scratch.compare(STATE) == []


def test_an_unknown_authority_is_added_to_the_store(scratch: Scratch) -> None:
    (scratch.root / "usr/local/share/ca-certificates").mkdir(parents=True)
    scratch.table.answers = {"update-ca-certificates": ""}
    assert scratch.compare(STATE) == ["not trusted"]
    scratch.apply(STATE)
    assert (scratch.root / "usr/local/share/ca-certificates/livegang-1.crt").read_text() == PEM
    assert scratch.table.calls == ["update-ca-certificates"]
