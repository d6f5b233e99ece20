"""What the dynamic resources generate, and that they do so once."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import dill
import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store
from pulumi.dynamic.dynamic import serialize_provider

from infra.components import credentials

FQDN = "db01.vivendi.internal"

STORED = {
    credentials._PasswordGenerator: "gASVLwAAAAAAAACMEWluZnJhLmNyZWRlbnRpYWxzlIwSX1Bhc3N3b3JkR2VuZXJhdG9ylJOUKYGULg==",
    credentials._HostKeyGenerator: "gASVLgAAAAAAAACMEWluZnJhLmNyZWRlbnRpYWxzlIwRX0hvc3RLZXlHZW5lcmF0b3KUk5QpgZQu",
    credentials._AuthorityGenerator: "gASVMAAAAAAAAACMEWluZnJhLmNyZWRlbnRpYWxzlIwTX0F1dGhvcml0eUdlbmVyYXRvcpSTlCmBlC4=",
    credentials._CertificateGenerator: (
        "gASVMgAAAAAAAACMEWluZnJhLmNyZWRlbnRpYWxzlIwVX0NlcnRpZmljYXRlR2VuZXJhdG9ylJOUKYGULg=="
    ),
}
"""What a stack that revision df62308 brought up stores for each generator."""


def made(generator: credentials._Generator, **props: str) -> dict[str, Any]:
    outputs = generator.create(props).outs
    assert outputs is not None
    return outputs


def test_passwords_are_long_and_differ() -> None:
    values = {made(credentials._PasswordGenerator())["value"] for _ in range(20)}
    assert len(values) == 20
    assert all(len(value) == credentials.PASSWORD_LENGTH and value.isalnum() for value in values)


def test_a_host_key_is_a_pair_that_openssh_accepts(tmp_path: Path) -> None:
    key = made(credentials._HostKeyGenerator(), fqdn=FQDN)
    private = tmp_path / "key"
    private.write_text(key["private_key"])
    private.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", private], check=True, capture_output=True, text=True).stdout
    assert public.strip() == key["public_key"]


def test_a_certificate_is_valid_for_its_host_under_the_authority() -> None:
    authority = made(credentials._AuthorityGenerator(), common_name="vivendi internal authority")
    certificate = made(
        credentials._CertificateGenerator(),
        fqdn=FQDN,
        address="10.77.1.4",
        authority_certificate=authority["certificate"],
        authority_key=authority["private_key"],
    )
    assert "authority_key" not in certificate
    store = Store([x509.load_pem_x509_certificate(authority["certificate"].encode())])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(FQDN))
    assert verifier.verify(x509.load_pem_x509_certificate(certificate["certificate"].encode()), [])


def test_nothing_is_generated_again_unless_what_it_is_for_changes() -> None:
    generator = credentials._HostKeyGenerator()
    key = made(generator, fqdn=FQDN)
    assert generator.diff("id", key, {"fqdn": FQDN, "__provider": "another version of the code"}).changes is False
    renamed = generator.diff("id", key, {"fqdn": "db03.vivendi.internal"})
    assert (renamed.changes, renamed.replaces) == (True, ["fqdn"])


@pytest.mark.parametrize(("generator", "stored"), STORED.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_a_stack_of_an_earlier_revision_names_the_same_generators(
    generator: type[credentials._Generator], stored: str
) -> None:
    """Pulumi compares what is stored with what the program would store, and loads what is stored to delete."""
    assert serialize_provider(generator()) == stored
    assert type(dill.loads(base64.b64decode(stored))) is generator
