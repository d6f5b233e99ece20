"""The custom data that sets up a host's first boot."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
import yaml

from infra.components.customdata import LIMIT, FirstBoot, cloud_config, custom_data

BOOT = FirstBoot(
    host="db01",
    domain="vivendi.internal",
    user="ops",
    administrator_keys=["ssh-ed25519 AAAA ops"],
    host_private_key="-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n",
    host_public_key="ssh-ed25519 AAAB",
    trusted_authorities=["-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"],
)


def test_custom_data_is_the_cloud_config_in_base64() -> None:
    assert base64.b64decode(custom_data(BOOT)).decode() == cloud_config(BOOT)
    assert cloud_config(BOOT).startswith("#cloud-config\n")


def test_the_host_key_is_pinned() -> None:
    config = yaml.safe_load(cloud_config(BOOT))
    assert config["ssh_deletekeys"] is True
    assert config["ssh_keys"] == {
        "ed25519_private": BOOT.host_private_key,
        "ed25519_public": "ssh-ed25519 AAAB db01.vivendi.internal",
    }


def test_only_keys_open_the_administrators_account() -> None:
    config = yaml.safe_load(cloud_config(BOOT))
    (user,) = config["users"]
    assert (user["name"], user["lock_passwd"], user["ssh_authorized_keys"]) == ("ops", True, ["ssh-ed25519 AAAA ops"])
    assert config["ssh_pwauth"] is False
    assert config["disable_root"] is True


def test_the_host_has_its_name_and_trusts_the_stacks_authorities() -> None:
    config = yaml.safe_load(cloud_config(BOOT))
    assert (config["hostname"], config["fqdn"]) == ("db01", "db01.vivendi.internal")
    assert config["ca_certs"]["trusted"] == list(BOOT.trusted_authorities)
    assert "ca_certs" not in yaml.safe_load(cloud_config(replace(BOOT, trusted_authorities=[])))


def test_copies_of_the_host_key_are_removed_but_the_user_data_stays() -> None:
    """`cloud-init query userdata` reads user-data.txt, which only root can read."""
    (file,) = yaml.safe_load(cloud_config(BOOT))["write_files"]
    assert file["path"].startswith("/var/lib/cloud/scripts/per-boot/")
    assert "user-data.txt.i" in file["content"]
    assert "instance/user-data.txt\n" not in file["content"]


def test_the_same_host_always_gets_the_same_custom_data() -> None:
    """Azure refuses to change the custom data of an existing machine."""
    assert custom_data(BOOT) == custom_data(replace(BOOT))


def test_too_much_custom_data_is_refused() -> None:
    with pytest.raises(ValueError, match=f"Azure's limit is {LIMIT}"):
        custom_data(replace(BOOT, administrator_keys=["ssh-rsa " + "A" * 1000] * 70))
