"""The web hosts: nginx with the six mobile sites in front of all application hosts."""

from __future__ import annotations

from typing import Any

import pytest

from infra.inventory.model import Endpoint
from verify.inspection.expectations import (
    current,
    each,
    endpoints,
    hosts,
    manifests,
    one_of,
    open_flows,
    specs,
    web_port,
)
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import check
from verify.report.root_causes import PRIMARY

testinfra_hosts = specs("web")
ask_about("nginx")


def look(host: Any) -> Outputs:
    address = current().inventory.hosts[host.backend.hostname].address
    commands = {"configuration": "nginx -T", "ports": "ss -Hltn"}
    for endpoint in endpoints():
        commands[f"site-{endpoint.name}"] = (
            f"curl -sS -m 8 -o /dev/null -w '%{{http_code}}' -H 'Host: {endpoint.host_name}' "
            f"http://{address}:{web_port()}{endpoint.health_path}"
        )
    commands["unknown name"] = (
        f"curl -sS -m 8 -o /dev/null -w '%{{http_code}}' -H 'Host: elsewhere.invalid' http://{address}:{web_port()}/"
    )
    return batch(host, commands)


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    """nginx's configuration on this host, and its answers."""
    return STATE.of(host.backend.hostname)


@check("nginx", proves="nginx:{host}", unit="nginx")
def test_nginx_is_running(host: Any) -> None:
    """Each web host carries half of the sites' capacity."""
    assert is_running(host, "nginx"), explain(host, "nginx")


@check("nginx")
def test_nginx_is_enabled(host: Any) -> None:
    """A web host whose nginx does not start after a reboot leaves all requests to the other."""
    assert is_enabled(host, "nginx"), "nginx would not start at the next boot"


@check("nginx")
def test_configuration_is_valid(state: Outputs) -> None:
    """After a bad change nginx keeps its old configuration, until the next start."""
    assert state.status("configuration") == 0, "nginx would refuse its configuration at the next start"


@check("nginx", needs=["nginx:{host}"])
def test_port_is_listening(state: Outputs) -> None:
    """The gateway sends the sites' requests to this port."""
    listening = {line.split()[3].rpartition(":")[2] for line in state.lines("ports")}
    assert str(web_port()) in listening, f"nothing listens on port {web_port()}"


@check("nginx")
def test_every_application_host_is_an_upstream(state: Outputs) -> None:
    """If one application host is missing from the list, the other's failure is an outage."""
    configuration = state["configuration"]
    missing = [
        f"{component.name} on {application.name}"
        for component in manifests()
        for application in hosts("application")
        if f"server {application.address}:{component.port}" not in configuration
        and f"server {application.fqdn}:{component.port}" not in configuration
    ]
    assert not missing, f"no upstream for {', '.join(missing[:6])}"


@check("nginx", needs=["nginx:{host}"])
def test_unknown_names_are_not_served(state: Outputs) -> None:
    """A request for an unknown name must not reach whichever site comes first."""
    assert state["unknown name"].strip()[-3:] in ("000", "400", "403", "404", "421"), (
        f"a request for elsewhere.invalid is answered with {state['unknown name'].strip()}"
    )


@pytest.mark.parametrize("site", endpoints())
@check(
    "{site}",
    proves="site:{site}@{host}",
    needs=[
        "nginx:{host}",
        one_of("application", "area:{site}@{member}"),
        *each("application", "sound:{site}@{member}"),
        PRIMARY,
        *open_flows("web", "application", "{host}"),
    ],
)
def test_site_answers(state: Outputs, site: Endpoint) -> None:
    """The gateway sends this site's requests to this host."""
    status = state[f"site-{site.name}"].strip()
    assert status.endswith("200"), f"{site.host_name} answers {status} here"
