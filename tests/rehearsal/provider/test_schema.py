"""The committed schema and tables fit the installed SDK."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from rehearsal.gateway import parsing
from rehearsal.network import security as network_security
from rehearsal.provider import immutables, schema, schema_generator
from rehearsal.provider.preview import preview_outputs, returned
from rehearsal.provider.types import TYPES, gateway, security_groups
from tests.rehearsal.provider.samples import SAMPLES, failures, sample
from toolchain.pulumi_home import SUBSCRIPTION


def test_the_committed_schema_is_what_the_installed_sdk_says() -> None:
    assert schema_generator.render(schema_generator.generate()) == schema.SCHEMA_FILE.read_text(encoding="utf-8"), (
        "The pinned pulumi-azure-native has other shapes. Then: python -m rehearsal.provider.generate"
    )


def test_every_type_has_a_sample() -> None:
    assert {f"azure-native:{name}" for name in SAMPLES} == set(TYPES)


def test_a_type_that_is_not_in_the_schema_yet_is_an_error_that_says_how_it_gets_there() -> None:
    with pytest.raises(LookupError, match=r"network:Nonsense is not in schema\.json.* run .*provider\.generate"):
        schema.resource("azure-native:network:Nonsense")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_good_sample_is_taken_and_is_returned_without_what_only_goes_in(name: str) -> None:
    kind, inputs = TYPES[f"azure-native:{name}"], sample(name)
    assert failures(name, inputs) == []
    identifier = kind.resource_id(inputs, SUBSCRIPTION)
    assert identifier is not None
    outputs = returned(kind.token, kind.outputs(identifier, inputs))
    assert outputs["name"] == inputs[kind.name_parameter]
    assert "canary" not in str(outputs)
    assert "customData" not in str(outputs)
    assert "$self" not in str(outputs)
    # What a preview calls unknown and what an `up` returns are the same names.
    assert set(outputs) <= set(preview_outputs(kind.token, inputs))


@pytest.mark.parametrize("name", SAMPLES)
def test_an_id_can_be_taken_apart_again(name: str) -> None:
    kind, inputs = TYPES[f"azure-native:{name}"], sample(name)
    identifier = kind.resource_id(inputs, SUBSCRIPTION)
    assert identifier is not None
    parts = {key: inputs[key].strip("/") for key in kind.path_parameters}
    assert kind.path_values(identifier) == parts


def test_every_path_of_the_tables_exists() -> None:
    for row in immutables.rows():
        assert _exists(row.type, row.path), f"{row.type} has no {row.path}"
    for kind in TYPES.values():
        known = schema.resource(kind.token)["properties"]
        for name in {*kind.path_parameters, *kind.replacing}:
            assert name in known, f"{kind.token} has no {name}"
        for path in kind.write_only:
            assert _exists(kind.token, path.replace("[]", "")), f"{kind.token} has no {path}"


def _exists(token: str, path: str) -> bool:
    properties: dict[str, Any] = schema.resource(token)["properties"]
    for part in path.split("."):
        if part not in properties:
            return False
        spec = properties[part]
        spec = spec["array"] if isinstance(spec, dict) and "array" in spec else spec
        shape = spec.get("object") if isinstance(spec, dict) else None
        properties = schema.input_object(shape)["properties"] if shape else {}
    return True


def test_the_preview_refuses_what_the_gateway_and_the_network_do_not_make() -> None:
    assert vars(gateway)["UNSUPPORTED"] is vars(parsing)["UNSUPPORTED"]
    made = {*network_security.TAGS, *network_security.PLATFORM_TAGS, "VirtualNetwork", "Internet"}
    assert made == security_groups.SERVICE_TAGS


def test_the_provider_starts_without_the_sdk() -> None:
    program = (
        "import sys, rehearsal.provider.server; "
        "print([m for m in sys.modules if m.startswith(('pulumi_azure_native', 'testinfra', 'fabric', 'infra'))])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
