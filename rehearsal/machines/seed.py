"""What a new host finds at its first boot: a cloud-init seed, and what Azure's DHCP and agent would have set."""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.base.handler import HandlerError, Properties
from rehearsal.base.settings import PLATFORM_DNS

SEED = "var/lib/cloud/seed/nocloud"

SEARCH_DOMAIN = "livegang.internal.cloudapp.net"
"""As in Azure, a domain in which nothing of the landscape's own has a name: a virtual network's private zone is
not searched there either, so a short name that would fail in production fails here too."""


@dataclass(frozen=True)
class Seed:
    """A virtual machine's osProfile, as far as its first boot is concerned."""

    instance_id: str
    computer_name: str
    user: str
    public_keys: tuple[str, ...]
    user_data: bytes
    """The decoded customData, passed on as it is."""
    password_login: bool

    @classmethod
    def of(cls, identifier: str, properties: Properties) -> Seed:
        """Read it from the properties of compute:VirtualMachine; raises HandlerError naming the path that is wrong."""
        profile: dict[str, Any] = properties.get("osProfile") or {}
        linux: dict[str, Any] = profile.get("linuxConfiguration") or {}
        keys = (linux.get("ssh") or {}).get("publicKeys") or []
        return cls(
            instance_id=str(properties.get("vmId") or vm_id(identifier)),
            computer_name=str(profile.get("computerName") or identifier.rsplit("/", 1)[-1]),
            user=str(profile.get("adminUsername") or ""),
            public_keys=tuple(str(key.get("keyData", "")).strip() for key in keys),
            user_data=_decode(identifier, str(profile.get("customData") or "")),
            password_login=not linux.get("disablePasswordAuthentication", False),
        )

    def write(self, root: Path) -> None:
        """Put it into a host's fresh root."""
        seed = root / SEED
        seed.mkdir(parents=True, exist_ok=True)
        metadata = {
            "instance-id": self.instance_id,
            "local-hostname": self.computer_name,
            "public-keys": list(self.public_keys),
        }
        _write(seed / "meta-data", json.dumps(metadata, indent=1), 0o600)
        _write(seed / "user-data", self.user_data or b"#cloud-config\n{}\n", 0o600)
        _write(root / "etc/cloud/cloud.cfg.d/91_azure.cfg", self._as_azures_datasource(), 0o644)
        _write(root / "etc/hostname", f"{self.computer_name}\n", 0o644)
        _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n", 0o444)
        hosts = (root / "etc/hosts").read_text()
        _write(root / "etc/hosts", hosts + f"127.0.1.1 {self.computer_name}\n", 0o644)
        resolver = root / "etc/resolv.conf"
        resolver.unlink(missing_ok=True)
        _write(resolver, f"nameserver {PLATFORM_DNS}\nsearch {SEARCH_DOMAIN}\n", 0o644)

    def _as_azures_datasource(self) -> str:
        """Azure's data source sets these from the machine's osProfile, in addition to customData."""
        settings: dict[str, Any] = {"ssh_pwauth": self.password_login}
        if self.user:
            settings["system_info"] = {"default_user": {"name": self.user}}
        return f"# From the virtual machine's osProfile.\n{json.dumps(settings, indent=1)}\n"


def vm_id(identifier: str) -> str:
    """Azure's vmId, here made from the resource id as the provider does, so that both agree on it."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identifier.lower()}#vmId"))


def _decode(identifier: str, custom_data: str) -> bytes:
    try:
        return base64.b64decode(custom_data, validate=True)
    except binascii.Error as error:
        raise HandlerError(f"{identifier}: osProfile.customData is not base64 ({error}).") from error


def _write(path: Path, content: str | bytes, mode: int) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
