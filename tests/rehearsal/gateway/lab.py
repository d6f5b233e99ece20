"""A small network below a real supervisor: a gateway, two backends that echo what they receive, and the Internet."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal.base.settings import Settings
from rehearsal.control import launch, teardown
from rehearsal.control.client import Supervisor
from rehearsal.gateway.haproxy import ADMIN_PORT
from rehearsal.gateway.health import servers
from rehearsal.keys import ensure
from toolchain.folders import PROJECT

GROUP = "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-lab"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/vnet-lab"
PUBLIC_ADDRESS = f"{NETWORK}/publicIPAddresses/pip-gateway"
GATEWAY = f"{NETWORK}/applicationGateways/agw-lab"
POLICY = f"{NETWORK}/ApplicationGatewayWebApplicationFirewallPolicies/waf-lab"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-lab"
CERTIFICATE = f"{VAULT}/secrets/gateway-certificate"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-gateway"
ASSIGNMENT = f"{CERTIFICATE}/providers/Microsoft.Authorization/roleAssignments/11111111-0000-4000-8000-000000000001"
SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
DOMAIN = "mobil.livegang.test"
SITES = ("ambulant", "kita")
BACKENDS = {"web01": "10.99.3.4", "web02": "10.99.3.5"}

HANG_SECONDS = 300
"""So long only what hangs takes, on a busy machine too."""

_ASK = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 300)
connection.sendall(b"show stat -1 4 -1\\n")
connection.shutdown(socket.SHUT_WR)
sys.stdout.write("".join(iter(lambda: connection.recv(65536).decode(), "")))
"""

TOKENS = {
    VNET: "network:VirtualNetwork",
    PUBLIC_ADDRESS: "network:PublicIPAddress",
    GATEWAY: "network:ApplicationGateway",
    POLICY: "network:WebApplicationFirewallPolicy",
    VAULT: "keyvault:Vault",
    CERTIFICATE: "keyvault:Secret",
    IDENTITY: "managedidentity:UserAssignedIdentity",
    ASSIGNMENT: "authorization:RoleAssignment",
}


def part(collection: str, name: str) -> dict[str, str]:
    """A reference to a sub-resource of the gateway."""
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def gateway_properties(**changes: Any) -> dict[str, Any]:
    """As the program declares it: each site on 443, and on 80 a redirect to it."""
    frontend = part("frontendIPConfigurations", "public")
    properties: dict[str, Any] = {
        "location": "germanywestcentral",
        "sku": {"name": "WAF_v2", "tier": "WAF_v2", "capacity": 2},
        "zones": ["1", "2", "3"],
        "enableHttp2": True,
        "identity": {"type": "UserAssigned", "userAssignedIdentities": [IDENTITY]},
        "firewallPolicy": {"id": POLICY},
        "gatewayIPConfigurations": [{"name": "gateway", "subnet": {"id": f"{VNET}/subnets/snet-gateway"}}],
        "frontendIPConfigurations": [{"name": "public", "publicIPAddress": {"id": PUBLIC_ADDRESS}}],
        "frontendPorts": [{"name": "port-80", "port": 80}, {"name": "port-443", "port": 443}],
        "sslCertificates": [
            {"name": "endpoints", "keyVaultSecretId": "https://kv-lab.vault.azure.net/secrets/gateway-certificate"}
        ],
        "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S"},
        "backendAddressPools": [
            {"name": "web", "backendAddresses": [{"ipAddress": address} for address in BACKENDS.values()]}
        ],
        "backendHttpSettingsCollection": [
            {
                "name": "web",
                "protocol": "Http",
                "port": 80,
                "cookieBasedAffinity": "Disabled",
                "pickHostNameFromBackendAddress": False,
                "requestTimeout": 3,
                "connectionDraining": {"enabled": True, "drainTimeoutInSec": 10},
                "probe": part("probes", "web"),
            }
        ],
        "probes": [
            {
                "name": "web",
                "protocol": "Http",
                "host": "web.lab.internal",
                "path": "/web-health",
                "interval": 1,
                "timeout": 1,
                "unhealthyThreshold": 2,
                "match": {"statusCodes": ["200"]},
            }
        ],
        "httpListeners": [],
        "requestRoutingRules": [],
        "redirectConfigurations": [],
    }
    for number, site in enumerate(SITES):
        host = f"{site}.{DOMAIN}"
        properties["httpListeners"] += [
            {
                "name": f"https-{site}",
                "protocol": "Https",
                "hostName": host,
                "hostNames": [],
                "requireServerNameIndication": True,
                "frontendIPConfiguration": frontend,
                "frontendPort": part("frontendPorts", "port-443"),
                "sslCertificate": part("sslCertificates", "endpoints"),
            },
            {
                "name": f"http-{site}",
                "protocol": "Http",
                "hostName": host,
                "frontendIPConfiguration": frontend,
                "frontendPort": part("frontendPorts", "port-80"),
            },
        ]
        properties["redirectConfigurations"].append(
            {
                "name": site,
                "redirectType": "Permanent",
                "targetListener": part("httpListeners", f"https-{site}"),
                "includePath": True,
                "includeQueryString": True,
            }
        )
        properties["requestRoutingRules"] += [
            {
                "name": f"https-{site}",
                "ruleType": "Basic",
                "priority": 100 + number,
                "httpListener": part("httpListeners", f"https-{site}"),
                "backendAddressPool": part("backendAddressPools", "web"),
                "backendHttpSettings": part("backendHttpSettingsCollection", "web"),
            },
            {
                "name": f"http-{site}",
                "ruleType": "Basic",
                "priority": 10_000 + number,
                "httpListener": part("httpListeners", f"http-{site}"),
                "redirectConfiguration": part("redirectConfigurations", site),
            },
        ]
    return {**properties, **changes}


def policy_properties(**changes: Any) -> dict[str, Any]:
    """As the program declares it; ``changes`` are to ``policySettings``, or ``customRules`` and ``managedRules``."""
    rules: dict[str, Any] = {key: changes.pop(key) for key in ("customRules", "managedRules") if key in changes}
    settings = {"state": "Enabled", "mode": "Prevention", "requestBodyCheck": True, "maxRequestBodySizeInKb": 2000}
    return {
        "policySettings": {**settings, **changes},
        "managedRules": {
            "managedRuleSets": [
                {"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1"},
                {"ruleSetType": "Microsoft_BotManagerRuleSet", "ruleSetVersion": "1.1"},
            ]
        },
        **rules,
    }


class Lab:
    """The network and its supervisor; :meth:`close` ends them and everything that was started in them."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(folder / "state")
        self.stack_file = folder / "Pulumi.rehearsal.yaml"
        sites = ", ".join(f"{site}: {{host_name: {site}.{DOMAIN}}}" for site in SITES)
        self.stack_file.write_text(f"config: {{'livegang:topology': {{endpoints: {{{sites}}}}}}}")
        self.keys = ensure(self.settings, self.stack_file)
        self.supervisor = Supervisor(self.settings)
        launch.ensure(self.settings)
        self.backends: dict[str, subprocess.Popen[str]] = {}

    def close(self) -> None:
        for backend in self.backends.values():
            backend.kill()
        teardown.down(self.settings, lambda line: None)

    def put(self, identifier: str, properties: dict[str, Any], token: str | None = None) -> dict[str, Any]:
        return self.supervisor.put(f"azure-native:{token or TOKENS[identifier]}", identifier, properties)

    def get(self, identifier: str = GATEWAY) -> dict[str, Any] | None:
        return self.supervisor.get(f"azure-native:{TOKENS[identifier]}", identifier)

    def delete(self, identifier: str) -> None:
        self.supervisor.delete(f"azure-native:{TOKENS[identifier]}", identifier)

    def build(self) -> None:
        """Everything but the gateway itself and the permission to read its certificate."""
        self.put(VNET, {"addressSpace": {"addressPrefixes": ["10.99.0.0/16"]}})
        for name, prefix in (("web", "10.99.3.0/24"), ("gateway", "10.99.7.0/24")):
            subnet = {"addressPrefix": prefix, "defaultOutboundAccess": False}
            self.put(f"{VNET}/subnets/snet-{name}", subnet, "network:Subnet")
        self.public_address = str(
            self.put(PUBLIC_ADDRESS, {"sku": {"name": "Standard"}, "publicIPAllocationMethod": "Static"})["ipAddress"]
        )
        for name, address in BACKENDS.items():
            configuration = {
                "name": "primary",
                "subnet": {"id": f"{VNET}/subnets/snet-web"},
                "privateIPAddress": address,
                "privateIPAllocationMethod": "Static",
            }
            interface = f"{NETWORK}/networkInterfaces/nic-{name}"
            self.put(interface, {"ipConfigurations": [configuration]}, "network:NetworkInterface")
            self.serve(name)
        self.put(VAULT, {"properties": {"enableRbacAuthorization": True}})
        self.put_certificate()
        self.principal = self.put(IDENTITY, {})["principalId"]
        self.put(POLICY, policy_properties())

    def put_certificate(self) -> None:
        value = base64.b64encode(self.keys.gateway_pfx.read_bytes()).decode()
        self.put(CERTIFICATE, {"properties": {"value": value, "contentType": "application/x-pkcs12"}})

    def allow_certificate(self) -> None:
        role = f"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"
        self.put(ASSIGNMENT, {"principalId": self.principal, "roleDefinitionId": role, "scope": CERTIFICATE})

    def serve(self, name: str) -> None:
        """Start a backend and wait until it answers."""
        script = PROJECT / "tests" / "rehearsal" / "gateway" / "echo.py"
        backend = self.backends[name] = self.start(f"nic-{name}", sys.executable, str(script), name)
        assert backend.stdout is not None
        assert backend.stdout.readline().strip() == "ready"

    def stop_serving(self, name: str) -> None:
        """Kill a backend: its connections are reset, new ones refused."""
        self.backends[name].send_signal(signal.SIGKILL)
        self.backends[name].wait(HANG_SECONDS)

    def lose_supervisor(self) -> None:
        """Kill the supervisor, start another, and serve in the namespaces that it created again."""
        os.kill(self.supervisor.process_id(), signal.SIGKILL)
        for name in BACKENDS:
            self.stop_serving(name)
        deadline = time.monotonic() + HANG_SECONDS
        while self.supervisor.alive():
            assert time.monotonic() < deadline, "the supervisor does not die"
            time.sleep(0.05)
        launch.ensure(self.settings)
        assert self.get() is not None  # answered once everything is restored
        for name in BACKENDS:
            self.serve(name)

    def fail_probe(self, name: str) -> None:
        """The backend answers its probes with 503 from now on, or with 200 again; other requests as before."""
        self.backends[name].send_signal(signal.SIGUSR1)

    def wait_until_holding(self, name: str) -> None:
        """Wait until a request for `/hold` has arrived at the backend, which answers it at `release`."""
        output = self.backends[name].stdout
        assert output is not None
        assert output.readline().strip() == "holding"

    def release(self, name: str) -> None:
        self.backends[name].send_signal(signal.SIGUSR2)

    def start(self, namespace: str, *argv: str) -> subprocess.Popen[str]:
        """A process in a network namespace; its process id is the one on the machine."""
        return subprocess.Popen(
            self._inside(namespace, argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def health(self) -> dict[str, str]:
        """Each backend's health as HAProxy found it, by address."""
        command = [sys.executable, "-c", _ASK, str(ADMIN_PORT)]
        reported = subprocess.run(self._inside("gateway", command), capture_output=True, text=True, check=True)
        return {one.server: one.health for one in servers(reported.stdout)}

    def kill_service(self, name: str) -> None:
        """SIGKILL to the first process of a service."""
        inside = self.supervisor.call("place", {"name": name})["leader"]
        enter = ["nsenter", f"--target={self.supervisor.process_id()}", "-m", "-p", "--"]
        # The shell's own: a fresh Debian has no program of this name.
        subprocess.run([*enter, "sh", "-c", f"kill -KILL {inside}"], check=True)

    def curl(
        self,
        *arguments: str,
        site: str = "ambulant",
        path: str = "/",
        scheme: str = "https",
        standard_input: str | None = None,
    ) -> Answer:
        """A request from an outsider on the Internet, who trusts the rehearsal's authority."""
        command = self.curl_command(*arguments, site=site, path=path, scheme=scheme)
        result = subprocess.run(
            self._inside("outside", command), input=standard_input, capture_output=True, text=True, check=False
        )
        body, _, reported = result.stdout.rpartition("\n")
        status, redirect, version = reported.split(" ")
        return Answer(result.returncode, int(status), redirect, version, body, result.stderr)

    def curl_command(self, *arguments: str, site: str, path: str, scheme: str = "https") -> list[str]:
        host = f"{site}.{DOMAIN}"
        return [
            "curl", "--silent", "--max-time", str(HANG_SECONDS), "--cacert", str(self.keys.authority), "--path-as-is",
            "--resolve", f"{host}:443:{self.public_address}", "--resolve", f"{host}:80:{self.public_address}",
            "--write-out", "\n%{http_code} %{redirect_url} %{http_version}", *arguments, f"{scheme}://{host}{path}",
        ]  # fmt: skip

    @contextmanager
    def under_load(self) -> Iterator[dict[str, int]]:
        """Requests one after the other before, during and after the block; fills in how often each was the answer."""
        script = PROJECT / "tests" / "rehearsal" / "gateway" / "load.py"
        argv = [sys.executable, str(script), self.public_address, f"ambulant.{DOMAIN}", str(self.keys.authority)]
        process = self.start("outside", *argv)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "under way"
        answers: dict[str, int] = {}
        try:
            yield answers
        finally:
            process.terminate()
            answers.update(json.loads(process.communicate(timeout=HANG_SECONDS)[0]))

    def _inside(self, namespace: str, argv: tuple[str, ...] | list[str]) -> list[str]:
        enter = ["nsenter", f"--target={self.supervisor.process_id()}", "-m", "--"]
        return [*enter, "nsenter", f"--net=/run/netns/{namespace}", "--", *argv]


class Answer:
    """What curl saw."""

    def __init__(self, code: int, status: int, redirect: str, version: str, body: str, errors: str) -> None:
        self.code = code
        """curl's exit code: 0, 35 for a TLS handshake that failed, 60 for a certificate that does not convince."""
        self.status = status
        self.redirect = redirect
        self.version = version
        self.body = body
        self.errors = errors
        """With ``--verbose`` also what was said in the handshake."""

    @property
    def echo(self) -> dict[str, Any]:
        """What the backend got, if a backend answered."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    def __repr__(self) -> str:
        return f"curl {self.code}, HTTP {self.status}: {self.body[:300]}"
