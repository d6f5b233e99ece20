"""Key Vault's REST interface for reading secrets, with Azure's paths, answers and errors."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from rehearsal.base.records import Record
from rehearsal.base.settings import TENANT
from rehearsal.vault.http import Request, Server
from rehearsal.vault.role_assignments import READ_METADATA
from rehearsal.vault.service import DOMAIN, RESOURCE, AccessRefused, VaultService
from rehearsal.vault.store import Version
from rehearsal.vault.tokens import Claims, TokenRefused

CHALLENGE = f'Bearer authorization="https://login.microsoftonline.com/{TENANT}", resource="{RESOURCE}"'
"""The header that says where to get a token, and for what."""


def serve(vault: VaultService, listening: socket.socket, tls: ssl.SSLContext | None) -> Server:
    """A server for all vaults that was not started yet; the request's Host says which vault is meant."""
    bound = type("VaultRequest", (_VaultRequest,), {"vault": vault})
    return Server(listening, bound, lambda line: vault.world.log(f"key vault: {line}"), tls)


class _VaultRequest(Request):
    vault: VaultService

    def answer(self, path: str, query: dict[str, str]) -> None:
        try:
            self.reply(200, self._document(path, query))
        except AccessRefused as refused:
            error: dict[str, Any] = {"code": refused.code, "message": refused.message}
            if refused.inner:
                error["innererror"] = {"code": refused.inner}
            headers = {"WWW-Authenticate": CHALLENGE} if refused.status == 401 else None
            self.reply(refused.status, {"error": error}, headers)

    def refuse_method(self) -> None:
        # Secrets are written through Azure Resource Manager, that is by Pulumi: see the package's docstring.
        error = {"code": "MethodNotAllowed", "message": "The stand-in Key Vault's interface is read-only."}
        self.reply(405, {"error": error}, {"Allow": "GET"})

    def _document(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        claims = self._claims()
        if not query.get("api-version"):
            raise AccessRefused(400, "BadParameter", "api-version must be specified")
        record = self._vault()
        match path.strip("/").split("/"):
            case ["secrets"]:
                self.vault.check(record, claims.principal, READ_METADATA, record.id, claims.client)
                return self._page([_item(record, found) for found in self.vault.store.newest(record.name)])
            case ["secrets", name, "versions"]:
                scope = f"{record.id}/secrets/{name}"
                self.vault.check(record, claims.principal, READ_METADATA, scope, claims.client)
                versions = self.vault.store.versions(record.name, name)
                return self._page([_item(record, found, with_version=True) for found in versions])
            case ["secrets", name, *rest] if len(rest) <= 1:
                version = rest[0] if rest else ""
                found = self.vault.read(record, name, version, claims.principal, claims.client)
                return {"value": found.content.value, **_item(record, found, with_version=True)}
        raise AccessRefused(404, "NotFound", f"The stand-in Key Vault has no {path}.")

    def _claims(self) -> Claims:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AccessRefused(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        try:
            return self.vault.signer.verify(token.strip(), RESOURCE)
        except TokenRefused as refused:
            raise AccessRefused(401, "Unauthorized", f"AKV10032: Invalid token. {refused}") from refused

    def _vault(self) -> Record:
        name, _, domain = self.headers.get("Host", "").partition(":")[0].partition(".")
        record = self.vault.find(name) if domain.lower() == DOMAIN else None
        if record is None:
            raise AccessRefused(
                404, "VaultNotFound", f"There is no vault {self.headers.get('Host')} in this rehearsal."
            )
        return record

    def _page(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        return {"value": items, "nextLink": None}


def _item(vault: Record, version: Version, with_version: bool = False) -> dict[str, Any]:
    content = version.content
    attributes: dict[str, Any] = {"enabled": content.enabled, "created": version.created, "updated": version.updated}
    if content.not_before is not None:
        attributes["nbf"] = content.not_before
    if content.expires is not None:
        attributes["exp"] = content.expires
    address = f"https://{vault.name.lower()}.{DOMAIN}/secrets/{version.name}"
    item: dict[str, Any] = {
        "id": f"{address}/{version.identifier}" if with_version else address,
        "attributes": {**attributes, "recoveryLevel": "Purgeable"},
    }
    if content.content_type:
        item["contentType"] = content.content_type
    if content.tags:
        item["tags"] = content.tags
    return item
