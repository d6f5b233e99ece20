"""A host's custom data, from which cloud-init sets up its first boot: its name, who may log in, whom it trusts.

No more than that: everything else belongs to the host's role, and `hosts/` does it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

LIMIT = 65_535
"""Azure's limit of custom data, in bytes before base64."""

REMOVE_COPIES = "/var/lib/cloud/scripts/per-boot/50-remove-copies-of-host-key"
REMOVE_COPIES_SCRIPT = """\
#!/bin/sh
# The SSH host key came with the user data. cloud-init unpacks the user data anew at every boot; what it needs no
# more after that goes. user-data.txt stays, readable by root only: `cloud-init query userdata` shows it.
rm -f /var/lib/cloud/instance/cloud-config.txt /var/lib/cloud/instance/user-data.txt.i
"""


@dataclass(frozen=True)
class FirstBoot:
    """What differs between hosts."""

    host: str
    domain: str
    user: str
    administrator_keys: Sequence[str]
    host_private_key: str
    host_public_key: str
    trusted_authorities: Sequence[str]
    """PEM certificates."""


def cloud_config(boot: FirstBoot) -> str:
    """The ``#cloud-config`` document. It holds the host's private SSH key: a secret."""
    fqdn = f"{boot.host}.{boot.domain}"
    document: dict[str, object] = {
        "hostname": boot.host,
        "fqdn": fqdn,
        "manage_etc_hosts": True,
        # Package sources and packages are up to the role.
        "apt": {"preserve_sources_list": True},
        "package_update": False,
        "package_upgrade": False,
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": True,
        "ssh_keys": {"ed25519_private": boot.host_private_key, "ed25519_public": f"{boot.host_public_key} {fqdn}"},
        "users": [
            {
                "name": boot.user,
                "gecos": "Operation",
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": list(boot.administrator_keys),
            }
        ],
        "write_files": [{"path": REMOVE_COPIES, "permissions": "0755", "content": REMOVE_COPIES_SCRIPT}],
    }
    if boot.trusted_authorities:
        document["ca_certs"] = {"trusted": list(boot.trusted_authorities)}
    return "#cloud-config\n" + yaml.dump(document, Dumper=_BlockText, sort_keys=False, width=1000, allow_unicode=True)


def custom_data(boot: FirstBoot) -> str:
    """The document in base64, as Azure expects it. Raises ValueError if it is longer than Azure allows."""
    text = cloud_config(boot).encode()
    if len(text) > LIMIT:
        raise ValueError(
            f"The custom data of {boot.host} has {len(text)} bytes, but Azure's limit is {LIMIT}: "
            "name fewer administrator keys or trusted authorities."
        )
    return base64.b64encode(text).decode()


class _BlockText(yaml.SafeDumper):
    """Writes text of several lines as a block, since people read the output of `cloud-init query userdata`."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_BlockText.add_representer(str, _represent_text)
