"""Secrets: fetched with the host's identity, and never shown."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from hosts.agent import vault
from hosts.agent.operations.sql import scram_verifier
from hosts.agent.results import OperationError
from hosts.agent.vault import Vault

SECRET = "Tr0ub4dor-and-3"
REFERENCES = {
    "postgresql/pep": {"name": "postgresql-pep", "version": "7"},
    "tls-key": {"name": "tls-key-db01", "version": "1"},
}


class Azure(BaseHTTPRequestHandler):
    """Metadata service and vault in one."""

    asked: ClassVar[list[tuple[str, str, str]]] = []
    answers: ClassVar[dict[str, list[tuple[int, Any]]]] = {}

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append((self.path, self.headers.get("Metadata", ""), self.headers.get("Authorization", "")))
        queue = self.answers[path]
        status, answer = queue.pop(0) if len(queue) > 1 else queue[0]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Azure]]:
    """A server on the loopback in Azure's place; the vault without TLS, which has its test on booted hosts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Azure)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(vault, "METADATA", f"127.0.0.1:{server.server_port}")

    def plainly(host: str, timeout: float, context: object) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=timeout)

    monkeypatch.setattr(http.client, "HTTPSConnection", plainly)
    Azure.asked = []
    Azure.answers = {
        "/metadata/identity/oauth2/token": [(200, {"access_token": "TOKEN"})],
        "/secrets/postgresql-pep/7": [(200, {"value": SECRET})],
        "/secrets/tls-key-db01/1": [(403, {"error": {"code": "Forbidden", "message": "Caller is not authorized"}})],
    }
    yield Azure
    server.shutdown()
    server.server_close()


def test_a_secret_is_fetched_with_the_hosts_own_token(azure: type[Azure]) -> None:
    found = Vault("https://kv.test/", REFERENCES, [], patience=0)
    assert found.value("postgresql/pep") == SECRET
    token, *secrets = azure.asked
    assert token[0].endswith("api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net")
    assert token[1] == "true"
    assert {row[2] for row in secrets} == {"Bearer TOKEN"}
    assert "/secrets/postgresql-pep/7?api-version=7.4" in {row[0] for row in secrets}


def test_all_secrets_are_fetched_once(azure: type[Azure]) -> None:
    found = Vault("https://kv.test/", REFERENCES, [], patience=0)
    found.value("postgresql/pep")
    found.value("postgresql/pep")
    assert len(azure.asked) == 3


def test_a_refusal_names_vault_secret_and_answer(azure: type[Azure]) -> None:
    found = Vault("https://kv.test/", REFERENCES, [], patience=0)
    expected = "Key Vault kv.test does not give secret tls-key-db01: 403 Caller is not authorized"
    with pytest.raises(OperationError, match=expected):
        found.value("tls-key")
    assert found.value("postgresql/pep") == SECRET


def test_a_permission_just_given_is_waited_for(azure: type[Azure]) -> None:
    azure.answers["/secrets/tls-key-db01/1"] = [(403, {}), (403, {}), (200, {"value": "KEY"})]
    assert Vault("https://kv.test/", REFERENCES, [], patience=10).value("tls-key") == "KEY"


def test_without_a_token_every_secret_says_so(azure: type[Azure]) -> None:
    azure.answers["/metadata/identity/oauth2/token"] = [(400, {"error": "invalid_request"})]
    with pytest.raises(OperationError, match="the metadata service gives no token: 400 invalid_request"):
        Vault("https://kv.test/", REFERENCES, [], patience=0).value("postgresql/pep")


def test_an_unreachable_metadata_service_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "METADATA", "127.0.0.1:9")
    with pytest.raises(OperationError, match="the metadata service cannot be reached"):
        Vault("https://kv.test/", REFERENCES, [], patience=0).value("postgresql/pep")


def test_nothing_fetched_is_ever_reported(azure: type[Azure]) -> None:
    azure.answers["/secrets/tls-key-db01/1"] = [(200, {"value": "-----BEGIN\nMIGHAgEAMBMG\nByqGSM49AgEG\n-----END"})]
    found = Vault("https://kv.test/", REFERENCES, [], patience=0)
    found.value("tls-key")
    reported = found.redact(f"+password={SECRET}\n key ByqGSM49AgEG in 'SET {scram_verifier(SECRET)}' -----BEGIN")
    assert reported == "+password=[secret]\n key [secret] in 'SET [secret]' -----BEGIN"
