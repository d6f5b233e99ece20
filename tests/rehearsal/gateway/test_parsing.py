"""From ARM's properties to the model: what is parsed, and what is refused with its path."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.gateway.model import Backend, Redirect
from rehearsal.gateway.parsing import parse, problems
from rehearsal.gateway.unsupported import UNSUPPORTED

from .lab import GATEWAY, gateway_properties, part

Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> dict[str, Any]:
    properties = copy.deepcopy(gateway_properties())
    change(properties)
    return properties


def test_the_declared_gateway_is_parsed() -> None:
    gateway = parse(GATEWAY, gateway_properties())
    assert gateway.name == "agw-lab"
    assert gateway.ports == (80, 443)
    assert [rule.name for rule in gateway.rules] == ["https-ambulant", "https-kita", "http-ambulant", "http-kita"]
    (backend,) = gateway.backends
    assert backend.name == "web:web"
    assert backend.servers == ("10.99.3.4", "10.99.3.5")
    assert backend.settings.drain == 10
    assert backend.settings.probe.host == "web.lab.internal"
    first, last = gateway.rules[0], gateway.rules[-1]
    assert isinstance(first.target, Backend)
    assert first.listener.hosts == ("ambulant.mobil.livegang.test",)
    assert first.listener.certificate == "endpoints"
    assert isinstance(last.target, Redirect)
    assert last.target.status == 301
    assert last.target.listener is gateway.rules[1].listener
    assert gateway.tls.protocols == ("TLSv1.2", "TLSv1.3")


def test_references_may_begin_with_self_and_differ_in_case() -> None:
    def change(given: dict[str, Any]) -> None:
        rule = given["requestRoutingRules"][0]
        rule["httpListener"]["id"] = "$self/httpListeners/https-ambulant"
        rule["backendAddressPool"]["id"] = GATEWAY.upper() + "/backendAddressPools/web"

    assert parse(GATEWAY, changed(change)) == parse(GATEWAY, gateway_properties())


def test_identities_may_be_a_list_or_the_map_that_azure_returns() -> None:
    identity = gateway_properties()["identity"]["userAssignedIdentities"][0]
    mapped = gateway_properties(identity={"userAssignedIdentities": {identity: {"principalId": "p"}}})
    assert parse(GATEWAY, mapped).identities == (identity,)


@pytest.mark.parametrize("key", UNSUPPORTED)
def test_what_would_change_answers_and_is_not_made_real_is_refused(key: str) -> None:
    assert problems(GATEWAY, gateway_properties(**{key: []})) == []
    given = gateway_properties(**{key: [{"name": "x"}]})
    assert f"{key}: is not made real by the rehearsal's gateway." in problems(GATEWAY, given)


def set_in(collection: str, **values: Any) -> Change:
    return lambda given: given[collection][0].update(values)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (set_in("probes", timeout=2), "probes[web].timeout: 2 s is longer than the interval of 1 s."),
        (set_in("probes", pickHostNameFromBackendHttpSettings=True), "probes[web]: needs either host or"),
        (set_in("probes", host=None), "probes[web]: needs either host or"),
        (set_in("probes", path="health"), "probes[web].path: 'health' is not valid here."),
        (set_in("probes", path="/a b\nuse_backend x"), "is not valid here"),
        (set_in("probes", unhealthyThreshold=21), "probes[web].unhealthyThreshold: 21 is not a number from 1 to 20."),
        (set_in("probes", match={"statusCodes": ["2xx"]}), "probes[web].match.statusCodes: '2xx'"),
        (set_in("probes", match={"body": "a\nb"}), "probes[web].match.body"),
        (set_in("backendHttpSettingsCollection", protocol="Tcp"), "'Tcp' is neither Http nor Https."),
        (set_in("backendHttpSettingsCollection", path="/x"), "backendHttpSettingsCollection[web].path: is not made"),
        (
            set_in("backendHttpSettingsCollection", hostName="a.b", pickHostNameFromBackendAddress=True),
            "has both hostName and pickHostNameFromBackendAddress",
        ),
        (
            set_in("backendHttpSettingsCollection", connectionDraining={"enabled": True, "drainTimeoutInSec": 3601}),
            "connectionDraining.drainTimeoutInSec: 3601",
        ),
        (set_in("backendAddressPools", backendAddresses=[{}]), "has neither ipAddress nor fqdn"),
        (set_in("backendAddressPools", backendAddresses=[{"fqdn": "a b"}]), "'a b' is not valid here"),
        (set_in("backendAddressPools", name="a;b"), "backendAddressPools[0].name: 'a;b' is not a name"),
        (set_in("httpListeners", hostName="a{b"), "httpListeners[https-ambulant].hostName: 'a{b'"),
        (set_in("httpListeners", hostNames=["x.test"]), "has both hostName and hostNames"),
        (
            set_in("httpListeners", hostName="kita.mobil.livegang.test"),
            "listener https-ambulant has host name kita.mobil.livegang.test on port 443 already",
        ),
        (set_in("httpListeners", sslCertificate=None), "httpListeners[https-ambulant].sslCertificate: ''"),
        (
            set_in("httpListeners", frontendPort=part("frontendPorts", "port-8443")),
            "there is no 'port-8443' in frontendPorts; there are: port-80, port-443.",
        ),
        (
            set_in("requestRoutingRules", httpListener={"id": f"{GATEWAY}-other/httpListeners/https-kita"}),
            "(InvalidResourceReference)",
        ),
        (set_in("requestRoutingRules", ruleType="PathBasedRouting"), "only rules of ruleType Basic"),
        (set_in("requestRoutingRules", priority=None), "requestRoutingRules[https-ambulant].priority: is needed"),
        (
            set_in("requestRoutingRules", priority=101),
            "requestRoutingRules[https-kita].priority: rule https-ambulant has 101 already",
        ),
        (
            set_in("requestRoutingRules", httpListener=part("httpListeners", "https-kita")),
            "httpListeners[https-ambulant]: no requestRoutingRule names it.",
        ),
        (set_in("redirectConfigurations", redirectType="Gone"), "'Gone' is none of Permanent"),
        (set_in("redirectConfigurations", targetUrl="https://a.test"), "needs either targetListener or targetUrl"),
        (
            set_in("redirectConfigurations", targetListener=None, targetUrl="https://a.test; }"),
            "redirectConfigurations[ambulant].targetUrl",
        ),
        (set_in("sslCertificates", data="AAAA"), "sslCertificates[endpoints]: needs either keyVaultSecretId or data"),
        (lambda given: given.pop("identity"), "(ApplicationGatewayKeyVaultSecretException)"),
        (lambda given: given["sslPolicy"].update(policyName="Old"), "sslPolicy: policyName 'Old' is none of"),
        (lambda given: given.update(gatewayIPConfigurations=[]), "gatewayIPConfigurations: exactly one"),
        (lambda given: given.update(frontendIPConfigurations=[]), "frontendIPConfigurations: exactly one"),
        (lambda given: given["probes"].append(given["probes"][0]), "probes[1]: the name 'web' is used twice."),
    ],
)
def test_each_mistake_is_reported_with_its_path(change: Change, problem: str) -> None:
    given = changed(change)
    reported = problems(GATEWAY, given)
    assert any(problem in line for line in reported), reported
    with pytest.raises(HandlerError, match="Application Gateway"):
        parse(GATEWAY, given)


def test_all_mistakes_are_reported_together() -> None:
    def change(given: dict[str, Any]) -> None:
        given["probes"][0]["timeout"] = 9
        given["requestRoutingRules"][1]["priority"] = 30_000
        given["httpListeners"][0]["hostName"] = "a b"

    assert len(problems(GATEWAY, changed(change))) >= 3
