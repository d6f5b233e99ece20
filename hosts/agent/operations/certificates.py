"""Certificate authorities in the host's trust store."""

from __future__ import annotations

from hosts.agent.host import Host
from hosts.agent.operations import atomic
from hosts.agent.results import Difference
from hosts.states import TrustedCertificate

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


def _body(pem: str) -> str:
    return "".join(pem.split())


def compare_certificate(state: TrustedCertificate, host: Host) -> list[Difference]:
    bundle = host.path(BUNDLE)
    # Trusted is trusted: cloud-init may have brought it, under a name of its own.
    if bundle.exists() and _body(state.pem) in _body(bundle.read_text()):
        return []
    return [Difference("not trusted")]


def apply_certificate(state: TrustedCertificate, host: Host) -> None:
    atomic.write(host, host.path(state.path), state.pem.encode(), "root", "root", 0o644)
    host.run(["update-ca-certificates"])
