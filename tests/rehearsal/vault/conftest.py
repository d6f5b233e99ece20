from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any, cast

import pytest

from rehearsal import network
from rehearsal.base.records import Record, Records
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.keys import ensure
from rehearsal.vault import handlers, metadata, rest, service

GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-vivendi-rehearsal"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-vivendi"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"


def machine_id(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-{name}"


def identity_id(name: str) -> str:
    return f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-{name}"


def secret_id(name: str) -> str:
    return f"{VAULT}/secrets/{name}"


@dataclass
class VaultStage:
    """A world with records and secrets, but nothing booted, whose `put` does what the supervisor's does."""

    world: World

    def put(self, token: str, identifier: str, properties: dict[str, Any]) -> dict[str, Any]:
        record = Record(f"azure-native:{token}", identifier, properties)
        self.world.records.put(record)
        observed = handlers.by_token(self.world)[record.type].put(identifier, properties, lambda line: None)
        self.world.records.put(replace(record, observed=observed))
        return observed

    def delete(self, token: str, identifier: str) -> None:
        record = self.world.records.get(identifier)
        assert record is not None
        handlers.by_token(self.world)[f"azure-native:{token}"].delete(identifier, record.properties, lambda line: None)
        self.world.records.delete(identifier)

    def vault(self, **properties: Any) -> None:
        self.put("keyvault:Vault", VAULT, {"properties": {"enableRbacAuthorization": True, **properties}})

    def secret(self, name: str, value: str, **properties: Any) -> dict[str, Any]:
        return self.put("keyvault:Secret", secret_id(name), {"properties": {"value": value, **properties}})

    def machine(self, name: str, *identities: str, **properties: Any) -> None:
        given = {"identity": {"type": "UserAssigned", "userAssignedIdentities": list(identities)}, **properties}
        self.world.records.put(Record("azure-native:compute:VirtualMachine", machine_id(name), given))

    def identity(self, name: str) -> str:
        """The principal."""
        identifier = identity_id(name)
        return str(self.put("managedidentity:UserAssignedIdentity", identifier, {})["principalId"])

    def assign(self, principal: str, scope: str, role: str = SECRETS_USER) -> str:
        identifier = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{principal}"
        definition = f"{GROUP}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        given = {"principalId": principal, "roleDefinitionId": definition, "scope": scope}
        self.put("authorization:RoleAssignment", identifier, given)
        return identifier


@pytest.fixture
def stage(tmp_path: Path) -> VaultStage:
    nothing = cast(Any, None)
    world = World(
        settings=Settings(tmp_path / "state"),
        records=Records(tmp_path / "records"),
        namespaces=nothing,
        containers=nothing,
        base_image=tmp_path,
        edge_image=tmp_path,
    )
    return VaultStage(world)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    document: dict[str, Any]


Get = Callable[..., Answer]


@pytest.fixture
def vault_get(stage: VaultStage, tmp_path: Path) -> Iterator[Get]:
    """GET from the vault's real server, over TLS on the loopback, trusting the rehearsal's authority alone."""
    stack_file = tmp_path / "Pulumi.rehearsal.yaml"
    stack_file.write_text("config: {'livegang:topology': {endpoints: {kita: {host_name: kita.livegang.test}}}}")
    keys = ensure(stage.world.settings, stack_file)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(keys.folder / "vault.pem", keys.folder / "vault.key")
    server = rest.serve(service(stage.world), _listen(), tls)
    server.start()
    trusting = ssl.create_default_context(cafile=str(keys.authority))

    def get(
        path: str, token: str | None = None, host: str = "kv-vivendi.vault.azure.net", method: str = "GET"
    ) -> Answer:
        raw = socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=300)
        connection = HTTPSConnection(host, timeout=300)
        connection.sock = trusting.wrap_socket(raw, server_hostname=host)
        return _request(connection, method, path, {"Authorization": f"Bearer {token}"} if token else {})

    yield get
    server.stop()


@pytest.fixture
def metadata_get(stage: VaultStage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Get]:
    """GET from the real metadata server as one of the machines: db01 is at 127.0.0.2, app01 at 127.0.0.3."""
    addresses = {"127.0.0.2": machine_id("db01"), "127.0.0.3": machine_id("app01")}
    monkeypatch.setattr(network, "host_at", lambda world, address: addresses.get(address))
    server = metadata.serve(service(stage.world), _listen())
    server.start()

    def get(path: str, source: str = "127.0.0.2", headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        connection = HTTPConnection(
            "127.0.0.1", server.server_address[1], timeout=300, source_address=(source, 0)
        )  # fmt: skip
        return _request(connection, method, path, {"Metadata": "true"} if headers is None else headers)

    yield get
    server.stop()


def _listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _request(connection: HTTPConnection, method: str, path: str, headers: dict[str, str]) -> Answer:
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), json.loads(response.read()))
    finally:
        connection.close()
