"""The gateway as seen from the Internet: real nginx, ModSecurity and HAProxy below a real supervisor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from console.waiting import wait_until
from rehearsal.control.client import SupervisorError
from rehearsal.keys import ensure
from rehearsal.keys.authority import certificate_in_pfx

from .lab import ASSIGNMENT, BACKENDS, GATEWAY, HANG_SECONDS, POLICY, Lab, gateway_properties, part, policy_properties

pytestmark = pytest.mark.booted


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("gateway"))
    try:
        lab.build()
        lab.allow_certificate()
        lab.put(GATEWAY, gateway_properties())
        yield lab
    finally:
        lab.close()


@pytest.fixture(autouse=True)
def as_declared(lab: Lab) -> Iterator[None]:
    """Each test leaves the gateway as it was declared first."""
    yield
    lab.put(POLICY, policy_properties())
    lab.put(GATEWAY, gateway_properties())


def eventually(condition: Callable[[], bool]) -> None:
    assert wait_until(condition, HANG_SECONDS, every=0.1), f"not within {HANG_SECONDS} s"


def test_a_site_answers_with_the_clients_host_and_address(lab: Lab) -> None:
    answer = lab.curl(path="/sync?since=1", site="kita")
    assert answer.status == 200
    assert answer.version == "2"
    headers = answer.echo["headers"]
    assert headers["host"] == headers["x-original-host"] == "kita.mobil.livegang.test"
    assert headers["x-forwarded-for"].startswith("203.0.113.66:")
    assert headers["x-forwarded-proto"] == "https"
    assert "x-livegang-backend" not in headers


def test_what_the_client_forwards_comes_before_its_address(lab: Lab) -> None:
    headers = lab.curl("--header", "X-Forwarded-For: 192.0.2.7", "--header", "X-Livegang-Backend: other").echo[
        "headers"
    ]
    assert headers["x-forwarded-for"].startswith("192.0.2.7, 203.0.113.66:")


def test_both_backends_are_used(lab: Lab) -> None:
    assert {lab.curl().echo["server"] for _ in range(4)} == set(BACKENDS)


def test_http_redirects_to_https_with_path_and_query(lab: Lab) -> None:
    answer = lab.curl(scheme="http", path="/a/b?c=d")
    assert (answer.status, answer.redirect) == (301, "https://ambulant.mobil.livegang.test/a/b?c=d")


def test_an_unknown_host_name_gets_no_site(lab: Lab) -> None:
    assert lab.curl(site="other").code == 35
    assert lab.curl(site="other", scheme="http").status == 404
    assert lab.curl("--header", "Host: other.mobil.livegang.test").status == 404


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_old_tls_is_refused(lab: Lab, version: str) -> None:
    options = [f"--tlsv{version}", "--tls-max", version, "--ciphers", "ALL:@SECLEVEL=0"]
    assert lab.curl(*options).code == 35


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_current_tls_is_negotiated(lab: Lab, version: str) -> None:
    assert lab.curl(f"--tlsv{version}", "--tls-max", version).status == 200


def test_cbc_is_not_negotiated_by_the_strict_policy(lab: Lab) -> None:
    assert lab.curl("--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-SHA384").code == 35


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": "/?id=1%27%20or%201=1--%20"},
        {"path": "/?q=%3Cscript%3Ealert(1)%3C/script%3E"},
        {"path": "/../../etc/passwd"},
        {"path": "/?file=../../../../etc/passwd"},
        {"data": "id=1' or 1=1-- "},
        {"data": '{"records": [{"name": "1\' or 1=1-- "}]}', "type": "application/json"},
    ],
)
def test_attacks_are_blocked_and_logged_with_the_rule(lab: Lab, arguments: dict[str, str]) -> None:
    options = []
    if "data" in arguments:
        kind = arguments.get("type", "application/x-www-form-urlencoded")
        options = ["--header", f"Content-Type: {kind}", "--data-raw", arguments["data"]]
    log = lab.settings.logs / "gateway" / "modsec_audit.log"
    before = len(log.read_text())
    answer = lab.curl(*options, path=arguments.get("path", "/"))
    assert answer.status in (403, 400) if ".." in arguments.get("path", "") else answer.status == 403, answer
    if answer.status == 403:
        eventually(lambda: log.read_text()[before:].endswith("\n"))  # nginx writes it after the answer has gone
        entry = json.loads(log.read_text()[before:].strip().splitlines()[-1])
        assert any(message["details"]["ruleId"] == "949110" for message in entry["transaction"]["messages"])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "OPTIONS"])
def test_ordinary_methods_pass(lab: Lab, method: str) -> None:
    assert lab.curl("--request", method, path="/records/1").echo["method"] == method


@pytest.mark.parametrize("path", ["/hällo?x=ä", "/h%C3%A4llo?x=%C3%9C", "/Übung/Straße"])
def test_umlauts_pass_in_path_and_query(lab: Lab, path: str) -> None:
    assert lab.curl(path=path).status == 200


def test_a_sync_with_umlauts_and_many_records_passes_unchanged(lab: Lab) -> None:
    records = [
        {"id": f"00000000-0000-4000-8000-{number:012}", "data": {"name": f"Müller {number}", "notiz": "Größe geprüft"}}
        for number in range(500)
    ]
    body = json.dumps({"device": "tablet-7", "records": records, "since": 0}, ensure_ascii=False)
    answer = lab.curl(
        "--header", "Content-Type: application/json", "--data-binary", "@-", path="/sync", standard_input=body
    )
    assert answer.status == 200, answer
    assert answer.echo["body"] == body


def test_a_body_above_the_policys_limit_is_refused(lab: Lab) -> None:
    lab.put(POLICY, policy_properties(maxRequestBodySizeInKb=8, fileUploadLimitInMb=1))
    kind = ["--header", "Content-Type: application/json", "--data-binary", "@-"]
    assert lab.curl(*kind, standard_input=json.dumps("a" * 7000)).status == 200
    assert lab.curl(*kind, standard_input=json.dumps("a" * 9000)).status == 413


def test_detection_blocks_nothing_and_still_logs(lab: Lab) -> None:
    lab.put(POLICY, policy_properties(mode="Detection"))
    attack = "/?id=2%27%20or%201=1--%20"
    assert lab.curl(path=attack).status == 200
    # nginx writes its log after the answer has gone.
    eventually(lambda: "2%27%20or%201=1" in (lab.settings.logs / "gateway" / "modsec_audit.log").read_text())


def test_exclusions_and_custom_rules_are_in_force(lab: Lab) -> None:
    attack = "/?notiz=1%27%20or%201=1--%20"
    assert lab.curl(path=attack).status == 403
    managed = {
        "managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}],
        "exclusions": [{"matchVariable": "RequestArgNames", "selectorMatchOperator": "Equals", "selector": "notiz"}],
    }
    condition = {"matchVariables": [{"variableName": "RequestUri"}], "operator": "Contains", "matchValues": ["/geheim"]}
    rule = {"name": "Secret", "priority": 1, "ruleType": "MatchRule", "action": "Block", "matchConditions": [condition]}
    lab.put(POLICY, policy_properties(managedRules=managed, customRules=[rule]))
    assert lab.curl(path=attack).status == 200
    assert lab.curl(path=attack.replace("notiz", "other")).status == 403
    assert lab.curl(path="/geheim").status == 403


def test_a_servers_own_503_passes_and_its_silence_is_504(lab: Lab) -> None:
    assert lab.curl(path="/status/503").status == 503
    assert lab.curl(path="/sleep/5").status == 504


def test_a_server_whose_probe_fails_gets_no_request_and_returns(lab: Lab) -> None:
    eventually(lambda: lab.health() == {"10.99.3.4": "Healthy", "10.99.3.5": "Healthy"})
    lab.fail_probe("web01")
    eventually(lambda: lab.health()["10.99.3.4"] == "Unhealthy")
    assert {lab.curl().echo["server"] for _ in range(4)} == {"web02"}
    lab.fail_probe("web01")
    eventually(lambda: lab.health()["10.99.3.4"] == "Healthy")


def test_a_killed_backend_costs_no_request(lab: Lab) -> None:
    with lab.under_load() as answers:
        lab.stop_serving("web02")
    lab.serve("web02")
    assert set(answers) == {"200"}, answers
    eventually(lambda: lab.health()["10.99.3.5"] == "Healthy")


def test_without_any_backend_the_answer_is_502(lab: Lab) -> None:
    for name in BACKENDS:
        lab.stop_serving(name)
    eventually(lambda: set(lab.health().values()) == {"Unhealthy"})
    assert lab.curl().status == 502
    for name in BACKENDS:
        lab.serve(name)
    eventually(lambda: set(lab.health().values()) == {"Healthy"})


def test_changes_cost_no_request(lab: Lab) -> None:
    with lab.under_load() as answers:
        for addresses in (["10.99.3.4"], ["10.99.3.5"], ["10.99.3.4", "10.99.3.5"]):
            pool = [{"name": "web", "backendAddresses": [{"ipAddress": address} for address in addresses]}]
            lab.put(GATEWAY, gateway_properties(backendAddressPools=pool))
            assert set(lab.health()) == set(addresses)
        lab.put(POLICY, policy_properties(mode="Detection"))
    assert set(answers) == {"200"}, answers


def test_a_server_that_leaves_the_pool_finishes_its_requests(lab: Lab) -> None:
    def only(backend: str) -> dict[str, Any]:
        pool = [{"name": "web", "backendAddresses": [{"ipAddress": BACKENDS[backend]}]}]
        given = gateway_properties(backendAddressPools=pool)
        draining = {"enabled": True, "drainTimeoutInSec": HANG_SECONDS}
        given["backendHttpSettingsCollection"][0].update(requestTimeout=HANG_SECONDS, connectionDraining=draining)
        return given

    lab.put(GATEWAY, only("web01"))
    request = lab.start("outside", *lab.curl_command(site="ambulant", path="/hold"))
    lab.wait_until_holding("web01")
    lab.put(GATEWAY, only("web02"))
    lab.release("web01")
    output, _ = request.communicate(timeout=HANG_SECONDS)
    assert output.rpartition("\n")[2].startswith("200 "), output


def test_a_reload_keeps_what_the_probes_found(lab: Lab) -> None:
    lab.fail_probe("web01")
    eventually(lambda: lab.health()["10.99.3.4"] == "Unhealthy")
    lab.put(GATEWAY, gateway_properties(enableHttp2=False))
    assert lab.health()["10.99.3.4"] == "Unhealthy"
    lab.fail_probe("web01")
    eventually(lambda: lab.health()["10.99.3.4"] == "Healthy")


def test_it_is_running_while_its_processes_serve_what_was_declared(lab: Lab) -> None:
    assert lab.get() == {"operationalState": "Running"}


@pytest.mark.parametrize("service", ["gateway", "gateway-balancer"])
def test_a_killed_process_is_started_again(lab: Lab, service: str) -> None:
    lab.kill_service(service)
    eventually(lambda: lab.get() is not None and lab.curl().status == 200)


def test_a_renewed_certificate_is_shown_without_an_update_of_the_gateway(lab: Lab) -> None:
    lab.keys.gateway_pfx.unlink()
    ensure(lab.settings, lab.stack_file)
    lab.put_certificate()
    renewed = certificate_in_pfx(lab.keys.gateway_pfx.read_bytes())
    assert renewed is not None
    answer = lab.curl("--verbose")
    assert f"start date: {renewed.not_valid_before_utc:%b %e %H:%M:%S %Y} GMT".replace("  ", " ") in " ".join(
        answer.errors.split()
    )
    assert lab.get() is not None


def test_without_permission_to_read_its_certificate_it_is_refused(lab: Lab) -> None:
    lab.delete(ASSIGNMENT)
    try:
        with pytest.raises(SupervisorError, match=r"ApplicationGatewayKeyVaultSecretException.*Forbidden"):
            lab.put(GATEWAY, gateway_properties(enableHttp2=False))
        assert lab.curl().status == 200
        assert lab.get() is not None
    finally:
        lab.allow_certificate()


def test_a_configuration_that_a_program_rejects_leaves_the_old_one_serving(lab: Lab) -> None:
    given = gateway_properties(trustedRootCertificates=[{"name": "inner", "data": "bm8gY2VydGlmaWNhdGU="}])
    trusted = [part("trustedRootCertificates", "inner")]
    given["backendHttpSettingsCollection"][0].update(
        protocol="Https", hostName="a.internal", trustedRootCertificates=trusted
    )
    with pytest.raises(SupervisorError, match=r"haproxy -c[\s\S]*ca-file"):
        lab.put(GATEWAY, given)
    assert lab.curl().status == 200
    assert lab.get() is not None


def test_a_policy_in_use_cannot_be_deleted_nor_a_second_gateway_made(lab: Lab) -> None:
    with pytest.raises(SupervisorError, match="InUse"):
        lab.delete(POLICY)
    other = json.loads(json.dumps(gateway_properties()).replace(GATEWAY, f"{GATEWAY}-two"))
    with pytest.raises(SupervisorError, match="one application gateway"):
        lab.put(f"{GATEWAY}-two", other, "network:ApplicationGateway")


def test_the_log_has_no_body_of_a_blocked_request(lab: Lab) -> None:
    log = lab.settings.logs / "gateway" / "modsec_audit.log"
    before = len(log.read_text())
    lab.curl("--data-raw", "note=Diagnose-Canary&id=1' or 1=1-- ")
    eventually(lambda: log.read_text()[before:].endswith("\n"))
    assert "Diagnose-Canary" not in log.read_text()


def test_once_deleted_it_is_gone_and_can_be_created_again(lab: Lab) -> None:
    lab.delete(GATEWAY)
    assert lab.get() is None
    assert lab.curl("--connect-timeout", "2").code == 28
    lab.put(GATEWAY, gateway_properties())
    assert lab.curl().status == 200


def test_after_the_supervisor_was_killed_the_next_one_brings_it_back(lab: Lab) -> None:
    lab.lose_supervisor()
    assert lab.get() == {"operationalState": "Running"}
    eventually(lambda: lab.curl().status == 200)
