"""Make what is missing, renew what ends, leave the rest as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from console import ExpectedError
from rehearsal.base.locking import exclusive
from rehearsal.base.settings import Settings
from rehearsal.keys.authority import (
    Authority,
    certificate_in_pem,
    certificate_in_pfx,
    load_authority,
    new_authority,
    save_authority,
    to_pfx,
)
from rehearsal.keys.files import private_folder
from toolchain.files import write_atomically

VAULT_NAMES = ("*.vault.azure.net", "vault.azure.net")
"""Key Vault's own certificate is a wildcard too: a vault's name is known only when the stack goes up."""


@dataclass
class Keys:
    """The keys of one rehearsal; ``made`` names those that this call made or renewed."""

    folder: Path
    made: list[str] = field(default_factory=list)

    @property
    def authority(self) -> Path:
        return self.folder / "authority.pem"

    @property
    def gateway_pfx(self) -> Path:
        return self.folder / "gateway.pfx"


def ensure(settings: Settings, *stack_files: Path) -> Keys:
    """Make the keys of a rehearsal; the gateway's certificate covers the endpoints of all ``stack_files``.

    Of all, because the keys are the rehearsal's and not a stack's: whichever goes up finds them as they are.
    Idempotent. A certificate is signed anew when the endpoints' names changed or it ends within 60 days.
    Raises ExpectedError when no stack file can be read and names endpoints. One that cannot is left out: it does not
    block another stack, and its own preview says what is wrong.
    """
    names = _endpoint_names_of_all(stack_files)
    keys = Keys(private_folder(settings.keys))
    with exclusive(keys.folder / ".lock"):
        _ssh_key(keys, "operator", "operator of the rehearsal")
        _ssh_key(keys, "vantage", "vantage points of the rehearsal")
        _ssh_key(keys, "old-hoster", "old hoster of the rehearsal")
        authority = _authority(keys, settings)
        _gateway_pfx(keys, authority, names)
        _vault_certificate(keys, authority)
        for path in keys.folder.iterdir():
            if path.is_file():
                path.chmod(0o600)
    return keys


def _ssh_key(keys: Keys, name: str, comment: str) -> None:
    private, public = keys.folder / name, keys.folder / f"{name}.pub"
    if private.exists() and public.exists():
        return
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    write_atomically(private, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    write_atomically(public, text + b" " + comment.replace(" ", "-").encode() + b"\n")
    keys.made.append(name)


def _authority(keys: Keys, settings: Settings) -> Authority:
    certificate, key = keys.authority, keys.folder / "authority.key"
    authority = load_authority(certificate, key)
    if authority is None:
        # Its own name for each rehearsal: two authorities of one name in a trust store confuse OpenSSL's search.
        authority = new_authority(f"Livegang rehearsal {settings.identifier}")
        save_authority(authority, certificate, key)
        keys.made.append("authority")
    return authority


def _gateway_pfx(keys: Keys, authority: Authority, names: Sequence[str]) -> None:
    path = keys.gateway_pfx
    if path.exists():
        certificate = certificate_in_pfx(path.read_bytes())
        if certificate is not None and authority.still_good(certificate, names):
            return
    write_atomically(path, to_pfx(authority.sign(names), authority))
    keys.made.append("gateway")


def _vault_certificate(keys: Keys, authority: Authority) -> None:
    path, key = keys.folder / "vault.pem", keys.folder / "vault.key"
    if path.exists() and key.exists():
        certificate = certificate_in_pem(path.read_bytes())
        if certificate is not None and authority.still_good(certificate, VAULT_NAMES):
            return
    leaf = authority.sign(VAULT_NAMES)
    write_atomically(key, leaf.key_pem)
    write_atomically(path, leaf.certificate.public_bytes(Encoding.PEM) + authority.pem)
    keys.made.append("vault")


def _endpoint_names_of_all(stack_files: Sequence[Path]) -> list[str]:
    names: set[str] = set()
    errors: list[ExpectedError] = []
    for file in stack_files:
        try:
            names.update(_endpoint_names(file))
        except ExpectedError as error:
            errors.append(error)
    if not names:
        raise errors[0] if errors else ExpectedError("No stack of the rehearsal's subscription has a file here.")
    return sorted(names)


def _endpoint_names(stack_file: Path) -> list[str]:
    """Host names of the stack's endpoints. The whole topology is checked by `infra`; here only what is needed."""
    try:
        document: Any = yaml.safe_load(stack_file.read_text())
    except OSError as error:
        raise ExpectedError(f"{stack_file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ExpectedError(f"{stack_file} is not UTF-8 text: {error.reason} at byte {error.start}.") from error
    except yaml.YAMLError as error:
        raise ExpectedError(f"{stack_file} is not valid YAML: {error}") from error
    value = document
    for key in ("config", "livegang:topology", "endpoints"):
        value = value.get(key) if isinstance(value, dict) else None
    endpoints = value if isinstance(value, dict) else {}
    names = [endpoint.get("host_name") for endpoint in endpoints.values() if isinstance(endpoint, dict)]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ExpectedError(
            f"{stack_file}: livegang:topology.endpoints must name at least one endpoint, each with a host_name.",
            hint="Without the names no certificate can be made for the gateway.",
        )
    return sorted(str(name) for name in names)
