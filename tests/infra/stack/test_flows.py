"""Security rules come from the table of flows and from nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from infra.inventory.export import resolved_flows
from infra.stack import flows
from infra.stack.flows import SecurityRule, port_ranges, priority_of, rules_of
from infra.stack.topology import FlowSpec, Topology

SUBNETS = ("database", "application", "web", "file", "transfer", "management", "gateway")


def names(topology: Topology, subnet: str) -> set[str]:
    return {rule.name for rule in rules_of(topology, subnet)}


def without(topology: Topology, flow: str) -> Topology:
    return topology.model_copy(update={"flows": {name: f for name, f in topology.flows.items() if name != flow}})


@pytest.mark.parametrize("subnet", SUBNETS)
def test_every_group_denies_by_default_in_both_directions(topology: Topology, subnet: str) -> None:
    """Azure's own default rules let every subnet talk to every other, and out to the Internet."""
    last = {rule.direction: rule for rule in rules_of(topology, subnet)}
    for rule in (last["Inbound"], last["Outbound"]):
        assert (rule.access, rule.priority, rule.protocol) == ("Deny", 4096, "*")
        assert (rule.sources, rule.destinations, rule.ports) == (("*",), ("*",), ("*",))


@pytest.mark.parametrize("subnet", SUBNETS)
def test_names_and_priorities_are_unique_as_azure_requires(topology: Topology, subnet: str) -> None:
    rules = rules_of(topology, subnet)
    assert len({rule.name for rule in rules}) == len(rules)
    assert len({(rule.direction, rule.priority) for rule in rules}) == len(rules)
    assert all(100 <= rule.priority <= 4096 for rule in rules)


def test_a_flow_is_a_rule_at_both_ends(topology: Topology) -> None:
    inbound = one(topology, "database", "database-from-application")
    assert (inbound.direction, inbound.sources, inbound.ports) == ("Inbound", ("10.77.2.0/24",), ("5432",))
    outbound = one(topology, "application", "database-from-application-out")
    assert (outbound.direction, outbound.destinations, outbound.ports) == ("Outbound", ("10.77.1.0/24",), ("5432",))


def test_a_flow_within_a_subnet_has_both_rules_in_one_group(topology: Topology) -> None:
    assert {"database-replication", "database-replication-out"} <= names(topology, "database")


def test_a_roles_flows_reach_hosts_that_take_it_on(topology: Topology) -> None:
    """Where the web hosts are the application hosts too, the database must be reached from their subnet."""
    hosts = {
        name: host.model_copy(update={"also": ["application"]}) if host.role == "web" else host
        for name, host in topology.hosts.items()
        if host.role != "application"
    }
    subnets = {name: subnet for name, subnet in topology.network.subnets.items() if name != "application"}
    shared = topology.model_copy(
        update={"hosts": hosts, "network": topology.network.model_copy(update={"subnets": subnets})}
    )
    assert one(shared, "database", "database-from-application").sources == (str(subnets["web"]),)
    assert {"application-from-web", "application-from-web-out", "web-from-gateway"} <= names(shared, "web")
    # The counterpart: where they are not, it is not.
    assert one(topology, "database", "database-from-application").sources == ("10.77.2.0/24",)


@pytest.mark.parametrize(
    "flow", ["database-from-application", "ssh-from-management", "gateway-from-internet", "secrets-from-key-vault"]
)
def test_removing_a_flow_removes_exactly_its_rules(topology: Topology, flow: str) -> None:
    fewer = without(topology, flow)
    for subnet in SUBNETS:
        before, after = rules_of(topology, subnet), rules_of(fewer, subnet)
        gone = [rule for rule in before if rule not in after]
        assert {rule.name for rule in gone} <= {flow, f"{flow}-out"}
        assert [rule for rule in after if rule not in before] == []
    assert all(flow not in names(fewer, subnet) for subnet in SUBNETS)


def test_web_hosts_cannot_reach_the_database(topology: Topology) -> None:
    """The counterpart of the application's rule: at the database, no rule names the web subnet."""
    web = str(topology.network.subnets["web"])
    allowed = [
        rule for rule in rules_of(topology, "database") if rule.access == "Allow" and rule.direction == "Inbound"
    ]
    assert allowed
    assert not [rule for rule in allowed if web in rule.sources]


def test_the_gateway_keeps_what_azure_requires_of_its_subnet(topology: Topology) -> None:
    manager = one(topology, "gateway", "platform-gateway-manager")
    assert (manager.sources, manager.ports, manager.access) == (("GatewayManager",), ("65200-65535",), "Allow")
    assert one(topology, "gateway", "platform-load-balancer").sources == ("AzureLoadBalancer",)
    assert one(topology, "gateway", "platform-internet").destinations == ("Internet",)


def test_a_priority_depends_on_the_flow_only() -> None:
    flow = FlowSpec.model_validate({"from": "web", "to": "file", "protocol": "tcp", "ports": [445]})
    assert priority_of("file-from-web", flow) == priority_of("file-from-web", flow.model_copy(update={"ports": [80]}))
    assert priority_of("file-from-web", flow) in flows.DERIVED
    assert priority_of("file-from-web", flow.model_copy(update={"priority": 300})) == 300


def test_an_old_hoster_without_ranges_is_allowed_nothing(document: dict[str, Any], topology: Topology) -> None:
    nowhere = topology.network.model_copy(update={"old_hoster_ranges": []})
    assert "transfer-from-old-hoster" not in names(topology.model_copy(update={"network": nowhere}), "transfer")


def test_ports_in_a_row_are_one_range() -> None:
    assert port_ranges([8003, 8001, 8002, 9000]) == ("8001-8003", "9000")


def test_the_inventory_has_the_same_table_with_addresses(topology: Topology) -> None:
    table = {flow.name: flow for flow in resolved_flows(topology)}
    assert table.keys() == topology.flows.keys()
    assert table["management-from-operator"].source_prefixes == ["203.0.113.10/32"]
    assert table["secrets-from-key-vault"].destination_prefixes == ["AzureKeyVault"]
    assert "10.77.7.0/24" not in table["ssh-from-management"].destination_prefixes


def one(topology: Topology, subnet: str, name: str) -> SecurityRule:
    (rule,) = [rule for rule in rules_of(topology, subnet) if rule.name == name]
    return rule
