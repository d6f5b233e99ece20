"""Access tokens: signed, for one principal and one resource, with an expiry.

They have the format and claims of Microsoft Entra's (JSON Web Tokens), but are signed with a secret that exists only
as long as the supervisor: the metadata service and the vault are in one process, and no one else verifies them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from rehearsal.base.settings import TENANT
from rehearsal.vault.identities import Identity

LIFETIME = 86_400
"""Seconds: a day, as for managed identities in Azure."""
ISSUER = f"https://sts.windows.net/{TENANT}/"


class TokenRefused(Exception):
    """The token is forged, has expired or is for another resource."""


@dataclass(frozen=True)
class Claims:
    principal: str
    client: str
    issued: int
    expires: int
    """Seconds since the epoch."""


class Signer:
    """Issues and verifies tokens."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def issue(self, identity: Identity, resource: str, lifetime: int = LIFETIME) -> tuple[str, Claims]:
        """A token with which ``identity`` can authenticate to ``resource``, and the token's claims."""
        now = int(time.time())
        claims = Claims(identity.principal, identity.client, now, now + lifetime)
        body = {
            "aud": resource.rstrip("/"),
            "iss": ISSUER,
            "iat": claims.issued,
            "nbf": claims.issued,
            "exp": claims.expires,
            "appid": claims.client,
            "idtyp": "app",
            "oid": claims.principal,
            "tid": TENANT,
            "xms_mirid": identity.id,
        }
        signed = f"{_encode({'typ': 'JWT', 'alg': 'HS256'})}.{_encode(body)}"
        return f"{signed}.{self._signature(signed)}", claims

    def verify(self, token: str, resource: str) -> Claims:
        """The token's claims. Raises TokenRefused with the reason if it is not valid."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise TokenRefused("Signature validation failed.")
        body = _decode(signed.partition(".")[2])
        if body["exp"] <= time.time():
            raise TokenRefused("Lifetime validation failed. The token is expired.")
        if body["aud"] != resource.rstrip("/"):
            raise TokenRefused(f"Audience validation failed. The token is for {body['aud']}.")
        return Claims(body["oid"], body["appid"], body["iat"], body["exp"])

    def _signature(self, signed: str) -> str:
        digest = hmac.digest(self._key, signed.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _encode(document: dict[str, Any]) -> str:
    content = json.dumps(document, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decode(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return document
