"""Whether the gateway's listeners answer, tried from inside its namespace as by a client."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Address

from rehearsal.base.namespaces import Namespaces
from rehearsal.gateway.certificates import CertifiedKey, fingerprint
from rehearsal.gateway.health import NAMESPACE
from rehearsal.gateway.model import Gateway, Listener

TIMEOUT = 3.0


def not_answering(
    namespaces: Namespaces, gateway: Gateway, address: IPv4Address, keys: Mapping[str, CertifiedKey]
) -> dict[str, str]:
    """The listeners that do not answer as declared, by name, each with what is wrong."""
    wrong: dict[str, str] = {}
    for rule in gateway.rules:
        listener = rule.listener
        try:
            reason = _wrong(namespaces, listener, address, keys)
        except OSError as error:
            reason = str(error) or type(error).__name__
        if reason:
            wrong[listener.name] = reason
    return wrong


def _wrong(
    namespaces: Namespaces, listener: Listener, address: IPv4Address, keys: Mapping[str, CertifiedKey]
) -> str | None:
    with namespaces.connect(NAMESPACE, (str(address), listener.port), TIMEOUT) as connection:
        if listener.certificate is None:
            return None
        connection.settimeout(TIMEOUT)
        # The certificate is compared below; whether clients trust it is for their own checks.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        name = listener.hosts[0].replace("*", "any").replace("?", "x") if listener.hosts else None
        with context.wrap_socket(connection, server_hostname=name) as encrypted:
            shown = encrypted.getpeercert(binary_form=True) or b""
    if hashlib.sha256(shown).digest() != fingerprint(keys[listener.certificate].chain):
        return "another certificate is shown"
    return None
