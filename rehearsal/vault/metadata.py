"""The instance metadata service at 169.254.169.254: gives a machine a token for its identity, and its own properties.

The source address alone decides which machine it is, as in Azure.
"""

from __future__ import annotations

import socket
from typing import Any

from rehearsal import network
from rehearsal.base.records import Record
from rehearsal.vault.http import Request, Server
from rehearsal.vault.identities import Identity, computed, identities_of
from rehearsal.vault.service import VaultService
from toolchain.pulumi_home import SUBSCRIPTION

VERSIONS = ["2018-02-01", "2019-08-01", "2020-06-01", "2021-02-01", "2021-12-13"]


def serve(vault: VaultService, listening: socket.socket) -> Server:
    """A server that was not started yet."""
    bound = type("MetadataRequest", (_MetadataRequest,), {"vault": vault})
    return Server(listening, bound, lambda line: vault.world.log(f"metadata: {line}"))


class _Refused(Exception):
    def __init__(self, status: int, error: str, description: str = "", **more: Any) -> None:
        super().__init__(error)
        self.status = status
        self.document = {"error": error, **({"error_description": description} if description else {}), **more}


class _MetadataRequest(Request):
    vault: VaultService

    def answer(self, path: str, query: dict[str, str]) -> None:
        try:
            self.reply(200, self._document(path.rstrip("/"), query))
        except _Refused as refused:
            self.reply(refused.status, refused.document)

    def refuse_method(self) -> None:
        self.reply(405, {"error": "Method Not Allowed"})

    def _document(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        # Both rules protect tokens from request forgery through a web application on the machine.
        if "X-Forwarded-For" in self.headers:
            raise _Refused(400, "invalid_request", "X-Forwarded-For must not be in the request")
        if self.headers.get("Metadata", "").lower() != "true":
            raise _Refused(400, "invalid_request", "Required metadata header not specified")
        if not query.get("api-version"):
            newest: dict[str, Any] = {"newest-versions": VERSIONS[-3:]}
            raise _Refused(400, "Bad request. api-version was not specified in the request.", **newest)
        machine = self._machine()
        if path == "/metadata/identity/oauth2/token":
            return self._token(machine, query)
        if path in ("/metadata/instance", "/metadata/instance/compute"):
            compute = _compute(machine)
            return compute if path.endswith("/compute") else {"compute": compute}
        raise _Refused(404, "Not found", f"The stand-in metadata service has no {path}.")

    def _machine(self) -> Record:
        address = str(self.client_address[0])
        identifier = network.host_at(self.vault.world, address)
        record = self.vault.world.records.get(identifier) if identifier else None
        if record is None:
            raise _Refused(404, "not_found", f"No virtual machine has the address {address}.")
        return record

    def _token(self, machine: Record, query: dict[str, str]) -> dict[str, Any]:
        resource = query.get("resource")
        if not resource:
            raise _Refused(400, "invalid_request", "Required query variable 'resource' is missing")
        identity = _choose(identities_of(self.vault.world, machine.id), query)
        token, claims = self.vault.signer.issue(identity, resource)
        return {
            "access_token": token,
            "client_id": identity.client,
            "expires_in": str(claims.expires - claims.issued),
            "expires_on": str(claims.expires),
            "ext_expires_in": str(claims.expires - claims.issued),
            "not_before": str(claims.issued),
            "resource": resource,
            "token_type": "Bearer",
        }


def _choose(identities: list[Identity], query: dict[str, str]) -> Identity:
    """The machine's only identity, or the one that the request names by its client, object or resource id."""
    for parameter, value in query.items():
        wanted = value.lower()
        if parameter == "client_id":
            identities = [one for one in identities if one.client.lower() == wanted]
        elif parameter in ("object_id", "principal_id"):
            identities = [one for one in identities if one.principal.lower() == wanted]
        elif parameter in ("msi_res_id", "mi_res_id"):
            identities = [one for one in identities if one.id.lower() == wanted]
    if not identities:
        raise _Refused(400, "invalid_request", "Identity not found")
    if len(identities) > 1:
        raise _Refused(
            400,
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the "
            "token request",
        )
    return identities[0]


def _compute(machine: Record) -> dict[str, Any]:
    given = machine.properties
    group = machine.id.split("/")[4] if machine.id.count("/") > 4 else ""
    tags = given.get("tags") or {}
    return {
        "azEnvironment": "AzurePublicCloud",
        "location": given.get("location", ""),
        "name": machine.name,
        "osType": "Linux",
        "provider": "Microsoft.Compute",
        "resourceGroupName": group,
        "resourceId": machine.id,
        "subscriptionId": machine.id.split("/")[2] if machine.id.count("/") > 2 else SUBSCRIPTION,
        "tags": ";".join(f"{name}:{value}" for name, value in sorted(tags.items())),
        "tagsList": [{"name": name, "value": value} for name, value in sorted(tags.items())],
        "vmId": given.get("vmId") or computed(machine.id, "vm"),
        "vmSize": (given.get("hardwareProfile") or {}).get("vmSize", ""),
        "zone": ((given.get("zones") or [""])[0]),
    }
