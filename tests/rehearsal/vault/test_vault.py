"""Reading secrets as a host does: a token from the metadata service, then the vault's REST interface."""

from __future__ import annotations

import stat
import time
from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.vault import handlers, service
from rehearsal.vault.identities import Identity
from rehearsal.vault.tokens import Signer, TokenRefused

from .conftest import GROUP, VAULT, Get, VaultStage, identity_id, secret_id

TOKEN = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net"
API = "?api-version=7.4"


@pytest.fixture
def hosts(stage: VaultStage) -> VaultStage:
    """A vault with two secrets; db01 may read the first only, app01 none."""
    stage.vault()
    stage.secret("postgresql-replication", "geheim-ü")
    stage.secret("postgresql-ambulant", "other")
    stage.machine("db01", identity_id("db01"))
    stage.machine("app01", identity_id("app01"))
    stage.assign(stage.identity("db01"), secret_id("postgresql-replication"))
    stage.identity("app01")
    return stage


def token_of(metadata_get: Get, source: str = "127.0.0.2") -> str:
    answer = metadata_get(TOKEN, source)
    assert answer.status == 200, answer
    return str(answer.document["access_token"])


def test_a_host_reads_its_own_secret(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    answer = vault_get(f"/secrets/postgresql-replication{API}", token_of(metadata_get))
    assert answer.status == 200
    assert answer.document["value"] == "geheim-ü"
    identifier = answer.document["id"]
    assert identifier.startswith("https://kv-vivendi.vault.azure.net/secrets/postgresql-replication/")
    pinned = vault_get(f"/secrets/postgresql-replication/{identifier.rsplit('/', 1)[-1]}{API}", token_of(metadata_get))
    assert pinned.document == answer.document


def test_without_a_token_the_answer_is_401_with_a_challenge(hosts: VaultStage, vault_get: Get) -> None:
    answer = vault_get(f"/secrets/postgresql-replication{API}")
    assert answer.status == 401
    assert answer.document["error"]["code"] == "Unauthorized"
    assert 'resource="https://vault.azure.net"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("token", ["abc", "a.b.c", "eyJ0eXAiOiJKV1QifQ.e30.AAAA", "ü.ü.ü".encode().hex()])
def test_a_forged_token_is_401(hosts: VaultStage, vault_get: Get, token: str) -> None:
    assert vault_get(f"/secrets/postgresql-replication{API}", token).status == 401


def test_another_hosts_identity_is_403(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    answer = vault_get(f"/secrets/postgresql-replication{API}", token_of(metadata_get, "127.0.0.3"))
    assert answer.status == 403
    assert answer.document["error"]["code"] == "Forbidden"
    assert answer.document["error"]["innererror"]["code"] == "ForbiddenByRbac"
    assert "value" not in answer.document


def test_a_secret_next_to_the_granted_one_is_403(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    assert vault_get(f"/secrets/postgresql-ambulant{API}", token_of(metadata_get)).status == 403


def test_an_unknown_secret_is_404_only_for_those_who_may_read_it(
    hosts: VaultStage, vault_get: Get, metadata_get: Get
) -> None:
    assert vault_get(f"/secrets/absent{API}", token_of(metadata_get)).status == 403
    hosts.assign(str(hosts.identity("db01")), VAULT)
    answer = vault_get(f"/secrets/absent{API}", token_of(metadata_get))
    assert answer.status == 404
    assert answer.document["error"]["code"] == "SecretNotFound"


def test_a_deleted_role_assignment_ends_access_immediately(
    hosts: VaultStage, vault_get: Get, metadata_get: Get
) -> None:
    assignment = hosts.assign(str(hosts.identity("app01")), GROUP)
    token = token_of(metadata_get, "127.0.0.3")
    assert vault_get(f"/secrets/postgresql-ambulant{API}", token).status == 200
    hosts.delete("authorization:RoleAssignment", assignment)
    assert vault_get(f"/secrets/postgresql-ambulant{API}", token).status == 403


def test_roles_that_manage_the_vault_only_read_no_secret(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    contributor = "b24988ac-6180-42a0-ab88-20f7382dd24c"
    hosts.assign(str(hosts.identity("app01")), VAULT, contributor)
    token = token_of(metadata_get, "127.0.0.3")
    assert vault_get(f"/secrets/postgresql-ambulant{API}", token).status == 403


def test_the_reader_role_lists_names_and_reads_no_value(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    reader = "21090545-7ca7-4776-b22c-e363652d74d2"
    hosts.assign(str(hosts.identity("app01")), VAULT, reader)
    token = token_of(metadata_get, "127.0.0.3")
    listed = vault_get(f"/secrets{API}", token)
    assert [item["id"].rsplit("/", 1)[-1] for item in listed.document["value"]] == [
        "postgresql-ambulant",
        "postgresql-replication",
    ]
    assert "geheim" not in str(listed.document)
    assert vault_get(f"/secrets/postgresql-ambulant{API}", token).status == 403


def test_a_scope_is_more_than_a_text_prefix(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    hosts.secret("postgresql-replication-2", "x")
    assert vault_get(f"/secrets/postgresql-replication-2{API}", token_of(metadata_get)).status == 403


def test_access_policies_count_without_role_based_access(stage: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    principal = stage.identity("db01")
    stage.machine("db01", identity_id("db01"))
    policy = {"objectId": principal, "tenantId": "", "permissions": {"secrets": ["Get"]}}
    stage.vault(enableRbacAuthorization=False, accessPolicies=[policy])
    stage.secret("a", "1")
    token = token_of(metadata_get)
    assert vault_get(f"/secrets/a{API}", token).status == 200
    assert vault_get(f"/secrets{API}", token).status == 403


def test_requests_without_an_api_version_or_with_another_method_are_refused(
    hosts: VaultStage, vault_get: Get, metadata_get: Get
) -> None:
    token = token_of(metadata_get)
    assert vault_get("/secrets/postgresql-replication", token).document["error"]["code"] == "BadParameter"
    assert vault_get(f"/secrets/postgresql-replication{API}", token, method="DELETE").status == 405


@pytest.mark.parametrize("path", ["/secrets/..%2f..%2fkeys", "/secrets/a/b/c", "/keys/x", "/", "/secrets/%00"])
def test_odd_paths_find_nothing(hosts: VaultStage, vault_get: Get, metadata_get: Get, path: str) -> None:
    hosts.assign(str(hosts.identity("db01")), VAULT)
    assert vault_get(f"{path}{API}", token_of(metadata_get)).status == 404


def test_another_vaults_name_is_not_found(hosts: VaultStage, vault_get: Get, metadata_get: Get) -> None:
    token = token_of(metadata_get)
    assert vault_get(f"/secrets/postgresql-replication{API}", token, host="kv-other.vault.azure.net").status == 404


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"enabled": False}, "SecretDisabled"),
        ({"expires": 1}, "SecretExpired"),
        ({"notBefore": 2**40}, "SecretNotYetValid"),
    ],
)
def test_a_secret_that_must_not_be_used_is_403(
    hosts: VaultStage, vault_get: Get, metadata_get: Get, attributes: dict[str, Any], code: str
) -> None:
    hosts.secret("postgresql-replication", "v", attributes=attributes)
    answer = vault_get(f"/secrets/postgresql-replication{API}", token_of(metadata_get))
    assert (answer.status, answer.document["error"]["innererror"]["code"]) == (403, code)


def test_a_new_value_is_a_new_version_and_the_old_one_stays(
    hosts: VaultStage, vault_get: Get, metadata_get: Get
) -> None:
    first = hosts.secret("postgresql-replication", "one")["properties"]["secretUriWithVersion"]
    assert hosts.secret("postgresql-replication", "one")["properties"]["secretUriWithVersion"] == first
    second = hosts.secret("postgresql-replication", "two")["properties"]["secretUriWithVersion"]
    assert second != first
    token = token_of(metadata_get)
    for uri, value in ((first, "one"), (second, "two")):
        assert vault_get(uri.removeprefix("https://kv-vivendi.vault.azure.net") + API, token).document["value"] == value
    versions = vault_get(f"/secrets/postgresql-replication/versions{API}", token).document["value"]
    assert [item["id"] for item in versions][-2:] == [first, second]


def test_values_are_on_disk_for_their_owner_only_and_deleting_purges_them(hosts: VaultStage) -> None:
    folder = service(hosts.world).store.folder
    files = list(folder.rglob("*.json"))
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    hosts.delete("keyvault:Secret", secret_id("postgresql-ambulant"))
    assert [path.stem for path in folder.rglob("*.json")] == ["postgresql-replication"]
    handler = handlers.by_token(hosts.world)["azure-native:keyvault:Secret"]
    assert handler.get(secret_id("postgresql-ambulant"), {}) is None
    hosts.delete("keyvault:Vault", VAULT)
    assert not list(folder.rglob("*.json"))


@pytest.mark.parametrize("name", ["under_score", "slash%2Fname", "ü", "x" * 128])
def test_names_that_key_vault_refuses_are_refused(hosts: VaultStage, name: str) -> None:
    with pytest.raises(HandlerError, match="not valid in Key Vault"):
        hosts.secret(name, "v")


def test_a_secret_needs_its_vault_and_a_value(stage: VaultStage) -> None:
    with pytest.raises(HandlerError, match="ParentResourceNotFound"):
        stage.secret("a", "v")
    stage.vault()
    with pytest.raises(HandlerError, match=r"properties\.value is missing"):
        stage.put("keyvault:Secret", secret_id("a"), {"properties": {}})


def test_a_vault_name_is_global(stage: VaultStage) -> None:
    stage.vault()
    with pytest.raises(HandlerError, match="already in use"):
        stage.put("keyvault:Vault", VAULT.replace("rg-vivendi", "rg-other"), {"properties": {}})


def test_a_token_expires_and_is_for_one_resource() -> None:
    signer, identity = Signer(), Identity("/id", "principal", "client")
    token, claims = signer.issue(identity, "https://vault.azure.net/")
    assert signer.verify(token, "https://vault.azure.net") == claims
    assert claims.expires > time.time() + 3600
    with pytest.raises(TokenRefused, match="Audience"):
        signer.verify(token, "https://management.azure.com")
    with pytest.raises(TokenRefused, match="expired"):
        signer.verify(signer.issue(identity, "https://vault.azure.net", lifetime=-1)[0], "https://vault.azure.net")
    with pytest.raises(TokenRefused, match="Signature"):
        Signer().verify(token, "https://vault.azure.net")
