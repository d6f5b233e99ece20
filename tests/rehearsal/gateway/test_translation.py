"""The model as configuration for nginx, OpenSSL and HAProxy."""

from __future__ import annotations

import base64
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from rehearsal.gateway import haproxy, nginx, tls
from rehearsal.gateway.configuration import build
from rehearsal.gateway.health import servers
from rehearsal.gateway.model import Gateway
from rehearsal.gateway.parsing import parse
from rehearsal.gateway.waf import firewall

from .lab import GATEWAY, POLICY, gateway_properties, part, policy_properties

ADDRESS = IPv4Address("10.99.7.4")


def gateway(**changes: Any) -> Gateway:
    return parse(GATEWAY, gateway_properties(**changes))


def front(**changes: Any) -> str:
    return nginx.render(
        gateway(**changes), ADDRESS, {POLICY.lower(): firewall(POLICY, policy_properties())}, "/f", "r1"
    )


def back(**settings: Any) -> str:
    given = gateway_properties()
    given["backendHttpSettingsCollection"][0].update(settings)
    return haproxy.render(parse(GATEWAY, given), "/f", "r1")


def redirected(**changes: Any) -> str:
    given = gateway_properties()
    given["redirectConfigurations"][0].update(changes)
    text = front(**given)
    return next(line.strip() for line in text.splitlines() if line.strip().startswith("return 30"))


def test_a_site_has_its_name_certificate_and_backend() -> None:
    text = front()
    block = text.split("# https-ambulant: listener https-ambulant")[1].split("# ")[0]
    for line in (
        "listen 10.99.7.4:443 ssl http2;",
        "server_name ambulant.mobil.livegang.test;",
        "ssl_certificate /f/endpoints.pem;",
        "modsecurity on;",
        'proxy_set_header X-Livegang-Backend "web:web";',
        "proxy_set_header Host $http_host;",
    ):
        assert line in block


def test_other_host_names_get_neither_certificate_nor_site() -> None:
    text = front()
    assert "server { listen 10.99.7.4:443 ssl http2 default_server; ssl_reject_handshake on; return 404; }" in text
    assert "server { listen 10.99.7.4:80 default_server; return 404; }" in text


def test_a_listener_without_host_name_is_the_ports_default() -> None:
    given = gateway_properties()
    for listener in given["httpListeners"]:
        if listener["name"] == "http-kita":
            del listener["hostName"]
    text = front(**given)
    assert "listen 10.99.7.4:80 default_server;" in text
    assert text.count("listen 10.99.7.4:80 default_server") == 1


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("a.test", "a.test"),
        ("*.test", "*.test"),
        ("a*.test", r"~^a.*\.test$"),
        ("*.b?.test", r"~^.*\.b.\.test$"),
    ],
)
def test_wildcards_are_translated(host: str, name: str) -> None:
    given = gateway_properties()
    given["httpListeners"][0]["hostName"] = None
    given["httpListeners"][0]["hostNames"] = [host]
    assert f"server_name {name};" in front(**given)


def test_http2_is_off_unless_declared() -> None:
    assert "http2" not in front(enableHttp2=False)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "return 301 https://$host$request_uri;"),
        ({"redirectType": "Temporary"}, "return 307 https://$host$request_uri;"),
        ({"includeQueryString": False}, "return 301 https://$host$path_alone;"),
        ({"includePath": False}, "return 301 https://$host/$is_args$args;"),
        ({"includePath": False, "includeQueryString": False}, "return 301 https://$host/;"),
        ({"targetListener": None, "targetUrl": "https://a.test/"}, "return 301 https://a.test$request_uri;"),
        (
            {
                "targetListener": None,
                "targetUrl": "https://a.test/x",
                "includePath": False,
                "includeQueryString": False,
            },
            "return 301 https://a.test/x;",
        ),
    ],
)
def test_redirects_keep_what_is_declared_to_be_kept(changes: dict[str, Any], line: str) -> None:
    assert redirected(**changes) == line


def test_a_disabled_firewall_inspects_nothing() -> None:
    off = firewall(POLICY, policy_properties(state="Disabled"))
    assert "modsecurity on" not in nginx.render(gateway(), ADDRESS, {POLICY.lower(): off}, "/f", "r1")


def test_a_listener_may_have_a_policy_of_its_own() -> None:
    given = gateway_properties()
    own = POLICY + "-own"
    given["httpListeners"][0]["firewallPolicy"] = {"id": own}
    policies = {name.lower(): firewall(name, policy_properties()) for name in (POLICY, own)}
    text = nginx.render(parse(GATEWAY, given), ADDRESS, policies, "/f", "r1")
    assert text.count("modsecurity_rules_file /f/firewall-0.conf;") == 1
    assert text.count("modsecurity_rules_file /f/firewall-1.conf;") == 1


def test_a_backend_is_probed_as_declared() -> None:
    text = back()
    assert "option httpchk" in text
    assert "http-check send meth GET uri /web-health ver HTTP/1.1 hdr Host web.lab.internal" in text
    assert "http-check expect status 200\n" in text
    assert "server 10.99.3.4 10.99.3.4:80 check inter 1s fall 2 rise 1\n" in text
    assert "timeout server 3s" in text
    assert "hard-stop-after 10s" in text


def test_without_a_probe_azures_default_probe_is_used() -> None:
    text = back(probe=None)
    assert "http-check send meth GET uri / ver HTTP/1.1 hdr Host 127.0.0.1" in text
    assert "http-check expect status 200-399" in text
    assert "check inter 30s fall 3 rise 1" in text


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"hostName": "app.internal"}, "http-request set-header Host app.internal"),
        ({"pickHostNameFromBackendAddress": True}, "http-send-name-header Host"),
        ({"cookieBasedAffinity": "Enabled"}, "cookie ApplicationGatewayAffinity insert"),
        ({"protocol": "Https", "port": 8443, "hostName": "a.b"}, "ssl ssl-max-ver TLSv1.2 verify required"),
        ({"protocol": "Https", "port": 8443, "hostName": "a.b"}, "no-check-ssl"),
        ({"protocol": "Https", "hostName": "a.b"}, "sni str(a.b) verifyhost a.b"),
    ],
)
def test_backend_settings_are_translated(settings: dict[str, Any], line: str) -> None:
    assert line in back(**settings)


def test_servers_may_be_named_by_host_name() -> None:
    text = haproxy.render(
        gateway(backendAddressPools=[{"name": "web", "backendAddresses": [{"fqdn": "web01.lab.internal"}]}]), "/f", "r1"
    )
    assert "nameserver azure 168.63.129.16:53" in text
    assert "server web01.lab.internal web01.lab.internal:80 check inter 1s fall 2 rise 1 resolvers platform" in text


def test_trusted_roots_are_written_next_to_the_configuration() -> None:
    given = gateway_properties(
        trustedRootCertificates=[{"name": "inner", "data": base64.b64encode(b"\x30\x01\x00").decode()}]
    )
    given["backendHttpSettingsCollection"][0].update(
        protocol="Https", hostName="a.b", trustedRootCertificates=[part("trustedRootCertificates", "inner")]
    )
    declared = parse(GATEWAY, given)
    files = build(declared, ADDRESS, {POLICY.lower(): firewall(POLICY, policy_properties())}, {}).balancer
    (path,) = [name for name in files if name.endswith(".pem")]
    assert str(files[path]).startswith("-----BEGIN CERTIFICATE-----\nMAEA\n")
    assert any(f"ca-file {path}" in str(content) for content in files.values())


def test_each_configuration_has_its_own_revision() -> None:
    policies = {POLICY.lower(): firewall(POLICY, policy_properties())}
    first = build(gateway(), ADDRESS, policies, {})
    assert build(gateway(), ADDRESS, policies, {}).revision == first.revision
    others = [
        build(gateway(enableHttp2=False), ADDRESS, policies, {}),
        build(gateway(), IPv4Address("10.99.7.5"), policies, {}),
        build(gateway(), ADDRESS, {POLICY.lower(): firewall(POLICY, policy_properties(mode="Detection"))}, {}),
        build(replace(gateway(), name="x", trusted_roots={"a": "b"}), ADDRESS, policies, {}),
    ]
    assert len({first.revision, *(other.revision for other in others)}) == 5


@pytest.mark.parametrize(
    ("suite", "name"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "ECDHE-ECDSA-AES128-SHA256"),
        ("TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", "DHE-RSA-AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
    ],
)
def test_cipher_suites_have_openssls_names(suite: str, name: str) -> None:
    assert tls.openssl_name(suite) == name


@pytest.mark.parametrize(
    ("declared", "protocols"),
    [
        ({}, ("TLSv1.2", "TLSv1.3")),
        ({"policyType": "Predefined", "policyName": "AppGwSslPolicy20170401S"}, ("TLSv1.2",)),
        ({"policyType": "Custom", "minProtocolVersion": "TLSv1_2", "cipherSuites": []}, ("TLSv1.2",)),
        ({"policyType": "CustomV2", "minProtocolVersion": "TLSv1_3"}, ("TLSv1.3",)),
    ],
)
def test_policies_determine_the_protocols(declared: dict[str, Any], protocols: tuple[str, ...]) -> None:
    assert tls.policy(declared).protocols == protocols


@pytest.mark.parametrize(
    "declared",
    [
        {"policyType": "Odd"},
        {"policyType": "Custom", "minProtocolVersion": "TLSv1_1"},
        {"policyType": "Custom", "minProtocolVersion": "TLSv1_3"},
        {"policyType": "Custom", "cipherSuites": ["RC4"]},
    ],
)
def test_policies_that_azure_does_not_have_are_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(tls.UnknownTlsPolicy):
        tls.policy(declared)


def test_the_strict_policy_has_no_cbc() -> None:
    assert not any("GCM" not in cipher for cipher in gateway().tls.ciphers)


def test_backend_health_is_read_from_haproxys_table() -> None:
    columns = ["pxname", "svname", "status", "lastchg", "check_status", "check_code"]
    rows = [
        ["web:web", "10.99.3.4", "UP", "12", "L7OK", "200"],
        ["web:web", "10.99.3.5", "DOWN", "3", "L7STS", "503"],
        ["web:web", "10.99.3.6", "UP 1/2", "", "* L4TOUT", ""],
    ]
    table = "# " + "\n".join(",".join(row) for row in [columns, *rows]) + "\n"
    found = servers(table)
    assert [(one.server, one.health, one.reason, one.since) for one in found] == [
        ("10.99.3.4", "Healthy", "L7OK 200", 12),
        ("10.99.3.5", "Unhealthy", "L7STS 503", 3),
        ("10.99.3.6", "Healthy", "L4TOUT", 0),
    ]
    assert {(one.pool, one.settings) for one in found} == {("web", "web")}
