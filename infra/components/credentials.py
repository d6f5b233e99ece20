"""Secrets that are generated: passwords, SSH host keys, an internal certificate authority and its certificates.

Each is generated once, by a dynamic resource of its own, and then kept: a new host generates only its own secrets.
`pulumi up --target-replace URN` generates one again. Private parts are secret outputs, encrypted in the state.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any, ClassVar

import pulumi
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider

from landscape import certificates

PASSWORD_LENGTH = 40
PASSWORD_ALPHABET = string.ascii_letters + string.digits
"""No character that has a meaning of its own in a shell, a connection string or a configuration file."""

AUTHORITY_LIFETIME = timedelta(days=3650)
CERTIFICATE_LIFETIME = timedelta(days=825)


class _Generator(ResourceProvider):
    """Generates a value when the resource is created, and keeps it until one of the decisive inputs changes."""

    decisive: ClassVar[tuple[str, ...]] = ()
    # The serialized provider consists of this class's name only: nothing in it is secret.
    serialize_as_secret_always = False

    def __init_subclass__(cls) -> None:
        # The module by which stacks know the generators, wherever they are defined: see infra/credentials.py.
        cls.__module__ = "infra.credentials"

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        changed = [key for key in self.decisive if olds.get(key) != news.get(key)]
        return DiffResult(changes=bool(changed), replaces=changed, delete_before_replace=False)

    def create(self, props: dict[str, Any]) -> CreateResult:
        kept = {key: props[key] for key in self.decisive}
        return CreateResult(secrets.token_hex(8), {**kept, **self.generate(props)})

    def generate(self, props: Mapping[str, Any]) -> dict[str, str]:
        """A new value, as the resource's outputs."""
        raise NotImplementedError


class _PasswordGenerator(_Generator):
    def generate(self, props: Mapping[str, Any]) -> dict[str, str]:
        return {"value": "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(PASSWORD_LENGTH))}


class _HostKeyGenerator(_Generator):
    decisive = ("fqdn",)

    def generate(self, props: Mapping[str, Any]) -> dict[str, str]:
        key = ed25519.Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        return {"private_key": private, "public_key": public}


class _AuthorityGenerator(_Generator):
    decisive = ("common_name",)

    def generate(self, props: Mapping[str, Any]) -> dict[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = certificates.common_name(props["common_name"])
        certificate = certificates.authority(name, key.public_key(), AUTHORITY_LIFETIME).sign(key, SHA256())
        return {"private_key": _pem(key), "certificate": certificate.public_bytes(Encoding.PEM).decode()}


class _CertificateGenerator(_Generator):
    decisive = ("fqdn", "address", "authority_certificate")

    def generate(self, props: Mapping[str, Any]) -> dict[str, str]:
        authority = x509.load_pem_x509_certificate(props["authority_certificate"].encode())
        authority_key = load_pem_private_key(props["authority_key"].encode(), password=None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)  # made by _AuthorityGenerator
        key = ec.generate_private_key(ec.SECP256R1())
        subject = certificates.common_name(props["fqdn"])
        names: list[x509.GeneralName] = [
            x509.DNSName(props["fqdn"]),
            x509.DNSName(props["fqdn"].partition(".")[0]),
            x509.IPAddress(IPv4Address(props["address"])),
        ]
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            certificates.leaf(subject, authority.subject, key.public_key(), CERTIFICATE_LIFETIME)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, SHA256())
        )
        return {"private_key": _pem(key), "certificate": certificate.public_bytes(Encoding.PEM).decode()}


class Password(Resource, module="livegang", name="Password"):
    """A random password: ``value``, secret."""

    value: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__(_PasswordGenerator(), name, {"value": None}, _keeping_secret(opts, "value"))


class HostKey(Resource, module="livegang", name="HostKey"):
    """An ed25519 SSH host key: ``private_key`` (OpenSSH PEM, secret) and ``public_key`` (one line)."""

    private_key: pulumi.Output[str]
    public_key: pulumi.Output[str]

    def __init__(self, name: str, fqdn: str, opts: pulumi.ResourceOptions) -> None:
        props = {"fqdn": fqdn, "private_key": None, "public_key": None}
        super().__init__(_HostKeyGenerator(), name, props, _keeping_secret(opts, "private_key"))


class Authority(Resource, module="livegang", name="Authority"):
    """The internal certificate authority: ``private_key`` (PEM, secret) and ``certificate`` (PEM)."""

    private_key: pulumi.Output[str]
    certificate: pulumi.Output[str]

    def __init__(self, name: str, common_name: str, opts: pulumi.ResourceOptions) -> None:
        props = {"common_name": common_name, "private_key": None, "certificate": None}
        super().__init__(_AuthorityGenerator(), name, props, _keeping_secret(opts, "private_key"))


class HostCertificate(Resource, module="livegang", name="HostCertificate"):
    """A host's TLS certificate by the internal authority: ``private_key`` (PEM, secret) and ``certificate``."""

    private_key: pulumi.Output[str]
    certificate: pulumi.Output[str]

    def __init__(self, name: str, fqdn: str, address: str, authority: Authority, opts: pulumi.ResourceOptions) -> None:
        props: dict[str, Any] = {
            "fqdn": fqdn,
            "address": address,
            "authority_certificate": authority.certificate,
            "authority_key": pulumi.Output.secret(authority.private_key),
            "private_key": None,
            "certificate": None,
        }
        super().__init__(_CertificateGenerator(), name, props, _keeping_secret(opts, "private_key", "authority_key"))


def _keeping_secret(opts: pulumi.ResourceOptions, *outputs: str) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=list(outputs)))


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
