"""A refresh changes the inputs where something changed behind Pulumi's back, and nowhere else."""

from __future__ import annotations

import pytest

from rehearsal.provider.preview import returned
from rehearsal.provider.refresh import refreshed_inputs
from rehearsal.provider.types import TYPES
from rehearsal.provider.values import Properties, merge
from tests.rehearsal.provider.samples import RULE, SAMPLES, sample
from toolchain.pulumi_home import SUBSCRIPTION


def refresh(name: str, inputs: Properties, observed: Properties) -> Properties:
    kind = TYPES[f"azure-native:{name}"]
    outputs = returned(kind.token, kind.outputs(str(kind.resource_id(inputs, SUBSCRIPTION)), inputs))
    return refreshed_inputs(kind.token, inputs, outputs, returned(kind.token, merge(outputs, observed)))


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_observed_changes_nothing(name: str) -> None:
    assert refresh(name, sample(name), {}) == sample(name)


def test_a_missing_rule_is_missing_in_the_inputs() -> None:
    listed = [{**RULE, "name": name, "priority": 100 + ord(name)} for name in "abc"]
    inputs = sample("network:NetworkSecurityGroup", securityRules=listed)
    kind = TYPES["azure-native:network:NetworkSecurityGroup"]
    completed = kind.outputs(str(kind.resource_id(inputs, SUBSCRIPTION)), inputs)["securityRules"]
    found = refresh("network:NetworkSecurityGroup", inputs, {"securityRules": [completed[0], completed[2]]})
    assert found["securityRules"] == [listed[0], listed[2]]


def test_a_changed_value_is_changed_in_the_inputs_and_nothing_next_to_it() -> None:
    found = refresh("dns:RecordSet", sample("dns:RecordSet"), {"ttl": 5})
    assert found == sample("dns:RecordSet", ttl=5)


def test_an_association_that_is_gone_is_gone_from_the_inputs() -> None:
    inputs = sample("network:Subnet", natGateway={"id": "/nat"})
    assert refresh("network:Subnet", inputs, {"natGateway": None}) == sample("network:Subnet")


def test_what_only_azure_sets_does_not_get_into_the_inputs() -> None:
    observed = {"ipAddress": "198.51.100.7", "provisioningState": "Updating"}
    found = refresh("network:PublicIPAddress", sample("network:PublicIPAddress"), observed)
    assert "provisioningState" not in found
