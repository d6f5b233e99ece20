"""Azure's TLS policies in the terms of nginx and OpenSSL."""

from __future__ import annotations

from typing import Any

from rehearsal.gateway.model import TlsPolicy

_GCM = (
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
)
_CBC = (
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
)
_OLD = (
    *_GCM,
    *_CBC,
    "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
)

_TLS_1_2 = ("TLSv1.2",)
_TLS_1_3 = ("TLSv1.2", "TLSv1.3")

PREDEFINED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "AppGwSslPolicy20150501": (_TLS_1_2, _OLD),
    "AppGwSslPolicy20170401": (_TLS_1_2, _OLD),
    "AppGwSslPolicy20170401S": (_TLS_1_2, _OLD),
    "AppGwSslPolicy20220101": (_TLS_1_3, (*_GCM, *_CBC)),
    "AppGwSslPolicy20220101S": (_TLS_1_3, _GCM),
}
"""Protocols and cipher suites. TLS 1.0 and 1.1 of the older ones are left out: Azure ended them on 31 August 2025."""

DEFAULT = "AppGwSslPolicy20220101"
"""The policy if none is declared, since API version 2023-02-01."""


class UnknownTlsPolicy(ValueError):
    """A name, version or cipher suite that Azure does not have."""


def policy(declared: dict[str, Any]) -> TlsPolicy:
    """The policy in the gateway's ``sslPolicy``. Raises UnknownTlsPolicy with the reason."""
    kind = declared.get("policyType") or ("Predefined" if declared.get("policyName") or not declared else "Custom")
    if kind == "Predefined":
        name = declared.get("policyName") or DEFAULT
        if name not in PREDEFINED:
            raise UnknownTlsPolicy(f"policyName {name!r} is none of {', '.join(PREDEFINED)}")
        protocols, suites = PREDEFINED[name]
        return TlsPolicy(protocols, tuple(openssl_name(suite) for suite in suites))
    if kind not in ("Custom", "CustomV2"):
        raise UnknownTlsPolicy(f"policyType {kind!r} is none of Predefined, Custom, CustomV2")
    lowest = declared.get("minProtocolVersion") or "TLSv1_2"
    if lowest not in ("TLSv1_2", "TLSv1_3"):
        raise UnknownTlsPolicy(f"minProtocolVersion {lowest!r}: Azure ended TLS before 1.2 on 31 August 2025")
    if lowest == "TLSv1_3" and kind == "Custom":
        raise UnknownTlsPolicy("minProtocolVersion TLSv1_3 needs policyType CustomV2")
    protocols = ("TLSv1.3",) if lowest == "TLSv1_3" else (_TLS_1_3 if kind == "CustomV2" else _TLS_1_2)
    suites = declared.get("cipherSuites") or _GCM
    ciphers = tuple(openssl_name(suite) for suite in suites if not suite.startswith("TLS_AES_"))
    return TlsPolicy(protocols, ciphers)


def openssl_name(suite: str) -> str:
    """``TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`` → ``ECDHE-RSA-AES256-GCM-SHA384``."""
    exchange, separator, rest = suite.removeprefix("TLS_").partition("_WITH_")
    if not separator or not suite.startswith("TLS_"):
        raise UnknownTlsPolicy(f"cipherSuites: {suite!r} is not a cipher suite")
    cipher = rest.replace("AES_128", "AES128").replace("AES_256", "AES256").replace("3DES_EDE_CBC", "DES-CBC3")
    # OpenSSL's names leave out RSA key exchange and, of old suites, the CBC mode.
    parts = [*([] if exchange == "RSA" else exchange.split("_")), *cipher.split("_")]
    return "-".join(part for part in parts if part != "CBC")
