"""Each endpoint of a stack has its component, and the stack opens the component's port."""

from __future__ import annotations

from typing import Any

import pytest

from hosts.components.manifest import load
from tests.stacks import STACKS, topology
from toolchain.folders import PROJECT
from vivendi import build
from vivendi.vivendi_standin import AREAS

MANIFESTS = load(PROJECT / "hosts" / "components")
PORTS = {manifest.name: manifest.port for manifest in MANIFESTS}


def closed(declared: dict[str, Any]) -> list[str]:
    """What the stack does not open although an endpoint needs it, or whoever works on the management host does."""
    return [
        f"port {PORTS[endpoint]} of {endpoint} in a flow from {source} to application"
        for endpoint in declared["endpoints"]
        for source in ("web", "management")
        if PORTS[endpoint] not in opened(declared, source)
    ]


def opened(declared: dict[str, Any], source: str) -> set[int]:
    """The application hosts' ports that a role's hosts may reach."""
    return {
        port
        for flow in declared["flows"].values()
        if (flow["from"], flow["to"], flow["protocol"]) == (source, "application", "tcp")
        for port in flow["ports"]
    }


@pytest.mark.parametrize("stack", STACKS)
def test_each_endpoint_has_a_component_whose_port_is_open(stack: str) -> None:
    declared = topology(stack)
    without = [endpoint for endpoint in declared["endpoints"] if endpoint not in PORTS]
    assert without == [], f"write hosts/components/{without[0]}.yaml"
    missing = closed(declared)
    assert missing == [], f"Pulumi.{stack}.yaml lacks {', '.join(missing)}"


def test_the_stand_in_serves_each_component_that_installs_it() -> None:
    unknown = [item.name for item in MANIFESTS if item.artifact.file == build.file_name() and item.name not in AREAS]
    assert unknown == [], "add it to AREAS in vivendi/vivendi_standin/__init__.py"


def test_a_forgotten_port_is_named() -> None:
    flows = {
        f"application-from-{source}": {"from": source, "to": "application", "protocol": "tcp", "ports": ports}
        for source, ports in (("web", [PORTS["pep"]]), ("management", [PORTS["pep"], PORTS["kita"]]))
    }
    assert closed({"endpoints": {"pep": {}, "kita": {}}, "flows": flows}) == [
        "port 8003 of kita in a flow from web to application"
    ]
