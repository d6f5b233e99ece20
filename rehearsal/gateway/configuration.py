"""Everything that the gateway's two processes read, rendered as files, with a revision that identifies them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from rehearsal.base.containers import Content, File
from rehearsal.gateway import haproxy, nginx
from rehearsal.gateway.certificates import Pair
from rehearsal.gateway.model import Gateway
from rehearsal.gateway.waf import Firewall

ROOT = "/etc/gateway"
"""In the containers."""


@dataclass(frozen=True)
class Configuration:
    """What is written to one folder named after the revision, so that the old one stays until the new one serves."""

    revision: str
    front: dict[str, Content]
    """Files of the nginx container by path."""
    balancer: dict[str, Content]
    """Files of the HAProxy container by path."""

    @property
    def folder(self) -> str:
        return f"{ROOT}/{self.revision}"


def build(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], pairs: Mapping[str, Pair]
) -> Configuration:
    """All files for the gateway at ``address``; ``firewalls`` by lower-cased id, ``pairs`` by certificate's name."""
    revision = _revision(gateway, address, firewalls, pairs)
    folder = f"{ROOT}/{revision}"
    front: dict[str, Content] = {
        f"{folder}/nginx.conf": nginx.render(gateway, address, firewalls, folder, revision),
    }
    for number, identifier in enumerate(nginx.policy_ids(gateway)):
        front[nginx.firewall_path(folder, number)] = firewalls[identifier].directives
    for name, pair in pairs.items():
        chain, key = nginx.certificate_paths(folder, name)
        front[chain] = pair.chain
        front[key] = File(pair.key, 0o600)
    balancer: dict[str, Content] = {f"{folder}/haproxy.cfg": haproxy.render(gateway, folder, revision)}
    for backend in gateway.backends:
        if backend.settings.trusted_roots:
            roots = "".join(gateway.trusted_roots[name] for name in backend.settings.trusted_roots)
            balancer[haproxy.trusted_roots_path(folder, backend)] = roots
    return Configuration(revision, front, balancer)


def _revision(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], pairs: Mapping[str, Pair]
) -> str:
    parts = [
        nginx.render(gateway, address, firewalls, ROOT, ""),
        haproxy.render(gateway, ROOT, ""),
        repr(sorted(gateway.trusted_roots.items())),
        *(firewall.directives for _, firewall in sorted(firewalls.items())),
        *(hashlib.sha256(pair.chain + pair.key).hexdigest() for _, pair in sorted(pairs.items())),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
