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
    differences = []
    file, bundle = host.path(state.path), host.path(BUNDLE)
    if not file.exists() or file.read_text() != state.pem:
        differences.append(Difference("another certificate" if file.exists() else "missing"))
    if not bundle.exists() or _body(state.pem) not in _body(bundle.read_text()):
        differences.append(Difference("not trusted"))
    return differences


def apply_certificate(state: TrustedCertificate, host: Host) -> None:
    atomic.write(host, host.path(state.path), state.pem.encode(), "root", "root", 0o644)
    host.run(["update-ca-certificates"])
