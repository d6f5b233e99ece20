from __future__ import annotations

import pytest

from rehearsal.vault import identities_of, principal_of, service

from .conftest import Get, VaultStage, identity_id, machine_id

TOKEN = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"


@pytest.fixture
def hosts(stage: VaultStage) -> VaultStage:
    stage.identity("db01")
    stage.machine(
        "db01", identity_id("db01"), location="germanywestcentral", zones=["1"], tags={"role": "database"},
        hardwareProfile={"vmSize": "Standard_D4as_v5"},
    )  # fmt: skip
    return stage


def test_the_token_is_for_the_machines_own_identity(hosts: VaultStage, metadata_get: Get) -> None:
    answer = metadata_get(TOKEN)
    assert answer.status == 200
    assert answer.document["token_type"] == "Bearer"
    claims = service(hosts.world).signer.verify(answer.document["access_token"], "https://vault.azure.net")
    assert claims.principal == principal_of(hosts.world, identity_id("db01"))
    assert int(answer.document["expires_on"]) == claims.expires
    assert answer.document["client_id"] == claims.client


@pytest.mark.parametrize(
    ("path", "headers", "reason"),
    [
        (TOKEN, {}, "Required metadata header not specified"),
        (TOKEN, {"Metadata": "true", "X-Forwarded-For": "10.0.0.1"}, "X-Forwarded-For"),
        (TOKEN.replace("api-version=2018-02-01&", ""), None, "api-version was not specified"),
        (TOKEN.replace("resource", "audience"), None, "'resource' is missing"),
    ],
)
def test_requests_that_azure_refuses_are_refused(
    hosts: VaultStage, metadata_get: Get, path: str, headers: dict[str, str] | None, reason: str
) -> None:
    answer = metadata_get(path, headers=headers)
    assert answer.status == 400
    assert reason in str(answer.document)


def test_other_methods_are_refused(hosts: VaultStage, metadata_get: Get) -> None:
    assert metadata_get(TOKEN, method="POST").status == 405


def test_a_machine_without_identity_gets_no_token(hosts: VaultStage, metadata_get: Get) -> None:
    hosts.machine("app01")
    answer = metadata_get(TOKEN, "127.0.0.3")
    assert (answer.status, answer.document["error_description"]) == (400, "Identity not found")


def test_an_address_of_no_machine_gets_no_token(hosts: VaultStage, metadata_get: Get) -> None:
    assert metadata_get(TOKEN, "127.0.0.99").status == 404


def test_with_several_identities_one_must_be_named(hosts: VaultStage, metadata_get: Get) -> None:
    hosts.identity("backup")
    hosts.machine("app01", identity_id("db01"), identity_id("backup").upper())
    answer = metadata_get(TOKEN, "127.0.0.3")
    assert "Multiple user assigned identities" in answer.document["error_description"]
    chosen = identities_of(hosts.world, machine_id("app01"))[1]
    for query in (f"client_id={chosen.client}", f"object_id={chosen.principal}", f"msi_res_id={chosen.id}"):
        assert metadata_get(f"{TOKEN}&{query}", "127.0.0.3").document["client_id"] == chosen.client


def test_a_machine_gets_its_own_properties(hosts: VaultStage, metadata_get: Get) -> None:
    answer = metadata_get("/metadata/instance?api-version=2021-02-01")
    compute = answer.document["compute"]
    assert compute["name"] == "vm-db01"
    assert compute["zone"] == "1"
    assert compute["location"] == "germanywestcentral"
    assert compute["vmSize"] == "Standard_D4as_v5"
    assert compute["tagsList"] == [{"name": "role", "value": "database"}]
    assert compute["resourceGroupName"] == "rg-vivendi-rehearsal"
    assert len(compute["vmId"]) == 36
