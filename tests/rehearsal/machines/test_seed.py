"""What a virtual machine's osProfile becomes at its first boot."""

from __future__ import annotations

import base64
import json
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.machines.seed import SEED, Seed, vm_id
from rehearsal.provider.types.base import guid

VM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-db01"


def profile(**changed: Any) -> dict[str, Any]:
    return {
        "osProfile": {
            "computerName": "db01",
            "adminUsername": "ops",
            "customData": base64.b64encode("#cloud-config\n# Häuser\n".encode()).decode(),
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {
                    "publicKeys": [{"path": "/home/ops/.ssh/authorized_keys", "keyData": "ssh-ed25519 AAAA ops\n"}]
                },
            },
            **changed,
        }
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/cloud/cloud.cfg.d", "var/lib/cloud"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/hosts").write_text("127.0.0.1 localhost\n")
    return tmp_path


def test_custom_data_is_passed_on_byte_by_byte_and_for_root_only(root: Path) -> None:
    Seed.of(VM, profile()).write(root)
    user_data = root / SEED / "user-data"
    assert user_data.read_bytes() == "#cloud-config\n# Häuser\n".encode()
    assert stat.S_IMODE(user_data.stat().st_mode) == 0o600


def test_metadata_names_instance_host_and_keys(root: Path) -> None:
    Seed.of(VM, profile()).write(root)
    assert json.loads((root / SEED / "meta-data").read_text()) == {
        "instance-id": vm_id(VM),
        "local-hostname": "db01",
        "public-keys": ["ssh-ed25519 AAAA ops"],
    }


def test_the_administrator_is_cloud_inits_default_user_as_with_azures_data_source(root: Path) -> None:
    Seed.of(VM, profile()).write(root)
    text = (root / "etc/cloud/cloud.cfg.d/91_azure.cfg").read_text()
    assert json.loads(text.split("\n", 1)[1]) == {
        "ssh_pwauth": False,
        "system_info": {"default_user": {"name": "ops"}},
    }


def test_the_host_has_its_name_a_resolver_and_a_machine_id_of_its_own(root: Path, tmp_path: Path) -> None:
    (root / "etc/resolv.conf").symlink_to("/run/somewhere/resolv.conf")
    Seed.of(VM, profile()).write(root)
    assert (root / "etc/hostname").read_text() == "db01\n"
    assert "127.0.1.1 db01" in (root / "etc/hosts").read_text()
    assert "nameserver 168.63.129.16" in (root / "etc/resolv.conf").read_text()
    first = (root / "etc/machine-id").read_text()
    assert uuid.UUID(first.strip())
    Seed.of(VM, profile()).write(root)
    assert (root / "etc/machine-id").read_text() != first


def test_without_custom_data_cloud_init_gets_an_empty_configuration(root: Path) -> None:
    Seed.of(VM, profile(customData=None)).write(root)
    assert (root / SEED / "user-data").read_text().startswith("#cloud-config\n")


def test_custom_data_that_is_not_base64_is_refused_naming_the_path() -> None:
    with pytest.raises(HandlerError, match=r"vm-db01: osProfile\.customData is not base64"):
        Seed.of(VM, profile(customData="#cloud-config"))


def test_provider_and_supervisor_agree_on_the_vm_id() -> None:
    assert vm_id(VM) == vm_id(VM.upper()) == guid(VM, "vmId")
