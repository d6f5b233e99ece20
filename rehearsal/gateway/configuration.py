"""All files that the gateway's two processes read, with a revision that identifies their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from rehearsal.base.containers import Content, File
from rehearsal.gateway import haproxy, nginx
from rehearsal.gateway.certificates import CertifiedKey
from rehearsal.gateway.model import Gateway
from rehearsal.gateway.waf import Firewall

ROOT = "/etc/gateway"
"""The configurations' folder in the containers."""


@dataclass(frozen=True)
class Configuration:
    """The files of one revision, in a folder named after it, so that the one before stays until the new one serves."""

    revision: str
    front: dict[str, Content]
    """Files of the nginx container by path."""
    balancer: dict[str, Content]
    """Files of the HAProxy container by path."""

    @property
    def folder(self) -> str:
        return f"{ROOT}/{self.revision}"


def build(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], keys: Mapping[str, CertifiedKey]
) -> Configuration:
    """All files for the gateway at ``address``; ``firewalls`` by lower-cased id, ``keys`` by the certificate's name."""
    revision = _revision(gateway, address, firewalls, keys)
    folder = f"{ROOT}/{revision}"
    front: dict[str, Content] = {
        f"{folder}/nginx.conf": nginx.render(gateway, address, firewalls, folder, revision),
    }
    for number, identifier in enumerate(nginx.policy_ids(gateway)):
        front[nginx.firewall_path(folder, number)] = firewalls[identifier].directives
    for name, certified in keys.items():
        chain_path, key_path = nginx.certificate_paths(folder, name)
        front[chain_path] = certified.chain
        front[key_path] = File(certified.key, 0o600)
    balancer: dict[str, Content] = {f"{folder}/haproxy.cfg": haproxy.render(gateway, folder, revision)}
    for backend in gateway.backends:
        if backend.settings.trusted_roots:
            roots = "".join(gateway.trusted_roots[name] for name in backend.settings.trusted_roots)
            balancer[haproxy.trusted_roots_path(folder, backend)] = roots
    return Configuration(revision, front, balancer)


def _revision(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], keys: Mapping[str, CertifiedKey]
) -> str:
    parts = [
        nginx.render(gateway, address, firewalls, ROOT, ""),
        haproxy.render(gateway, ROOT, ""),
        repr(sorted(gateway.trusted_roots.items())),
        *(firewall.directives for _, firewall in sorted(firewalls.items())),
        *(hashlib.sha256(certified.chain + certified.key).hexdigest() for _, certified in sorted(keys.items())),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
