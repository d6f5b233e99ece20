"""Secrets: read on the host, from Key Vault, with the host's own managed identity. Nothing else ever holds them.

token   GET http://169.254.169.254/metadata/identity/oauth2/token   (Azure's metadata service)
secret  GET {vault}/secrets/{name}/{version}                        (with that token)
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hosts.agent.results import OperationError

METADATA = "169.254.169.254"
TOKEN_PATH = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"
TIMEOUT = 10.0
PATIENCE = 45.0
"""Seconds in which a change waits for a permission just given to reach the vault (in Azure up to minutes)."""
TRANSIENT = (408, 429, 500, 502, 503, 504)


class Vault:
    """The secrets that this host may read, by purpose. All that the document mentions are fetched together, once."""

    def __init__(
        self, uri: str, references: dict[str, dict[str, str]], authorities: list[str], *, patience: float = PATIENCE
    ) -> None:
        self._host = urllib.parse.urlsplit(uri).netloc
        self._references = references
        """``{purpose: {"name": …, "version": …}}``"""
        self._authorities = authorities
        self._patience = patience
        self._values: dict[str, str] = {}
        self._errors: dict[str, str] = {}
        self._lock = threading.Lock()
        self._fetched = False

    def value(self, purpose: str) -> str:
        """A secret's value. Raises OperationError naming the secret and what the vault answered."""
        with self._lock:
            if not self._fetched:
                self._fetch_all()
                self._fetched = True
        if purpose in self._errors:
            raise OperationError(self._errors[purpose])
        return self._values[purpose]

    def redact(self, text: str) -> str:
        """The text without any secret that was fetched."""
        for value in self._values.values():
            for part in (value, *value.splitlines()):
                if len(part) >= 8 and not part.startswith("-----"):
                    text = text.replace(part, "[secret]")
        return re.sub(r"SCRAM-SHA-256\$[^\s']+", "[secret]", text)

    def _fetch_all(self) -> None:
        try:
            token = self._token()
        except OperationError as error:
            self._errors = dict.fromkeys(self._references, error.reason)
            return
        context = ssl.create_default_context()
        if self._authorities:
            context.load_verify_locations(cadata="\n".join(self._authorities))
        with ThreadPoolExecutor(max_workers=4) as pool:
            for purpose, outcome in zip(
                self._references,
                pool.map(lambda reference: self._secret(reference, token, context), self._references.values()),
                strict=True,
            ):
                if isinstance(outcome, OperationError):
                    self._errors[purpose] = outcome.reason
                else:
                    self._values[purpose] = outcome

    def _token(self) -> str:
        def ask() -> tuple[int, Any]:
            return _get(http.client.HTTPConnection(METADATA, timeout=TIMEOUT), TOKEN_PATH, {"Metadata": "true"})

        status, answer = self._patiently(ask, "the metadata service", TRANSIENT)
        if status != 200:
            raise OperationError(f"the metadata service gives no token: {status} {_reason(answer)}")
        return str(answer["access_token"])

    def _secret(self, reference: dict[str, str], token: str, context: ssl.SSLContext) -> str | OperationError:
        name, version = reference["name"], reference["version"]
        path = f"/secrets/{urllib.parse.quote(name)}/{urllib.parse.quote(version)}?api-version=7.4"

        def ask() -> tuple[int, Any]:
            connection = http.client.HTTPSConnection(self._host, timeout=TIMEOUT, context=context)
            return _get(connection, path, {"Authorization": f"Bearer {token}"})

        try:
            status, answer = self._patiently(ask, f"the Key Vault {self._host}", (*TRANSIENT, 403))
        except OperationError as error:
            return error
        if status != 200:
            return OperationError(f"Key Vault {self._host} does not give secret {name}: {status} {_reason(answer)}")
        return str(answer["value"])

    def _patiently(self, ask: Any, whom: str, again: tuple[int, ...]) -> tuple[int, Any]:
        """Retry until the answer is final or time is up. Raises the last error."""
        deadline = time.monotonic() + self._patience
        pause = 0.25
        while True:
            try:
                status, answer = ask()
                if status not in again or time.monotonic() + pause > deadline:
                    return status, answer
            except (OSError, http.client.HTTPException, ValueError) as error:
                if isinstance(error, ssl.SSLCertVerificationError) or time.monotonic() + pause > deadline:
                    raise OperationError(f"{whom} cannot be reached: {error}") from error
            time.sleep(pause)
            pause = min(pause * 2, 4)


def _get(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    try:
        return response.status, json.loads(body)
    except ValueError:
        return response.status, {}


def _reason(answer: Any) -> str:
    error = answer.get("error", "") if isinstance(answer, dict) else ""
    return str(error.get("message", "")) if isinstance(error, dict) else str(answer.get("error_description", error))
