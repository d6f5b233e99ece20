"""What a preview says of outputs: the inputs, and unknown whatever Azure will fill in."""

from __future__ import annotations

from typing import Any

from rehearsal.provider import schema
from rehearsal.provider.values import UNKNOWN, Properties

STABLE = ("name", "location")
"""Outputs that an update never changes, so a preview of one knows them, as the real provider's does."""


def preview_outputs(token: str, inputs: Properties, old_outputs: Properties | None = None) -> Properties:
    """The outputs of a create, or with ``old_outputs`` of an update, that has not happened yet."""
    outputs = _object(schema.resource(token)["outputs"], inputs)
    outputs["azureApiVersion"] = schema.resource(token)["api"]
    for name in STABLE:
        if old_outputs and name in old_outputs:
            outputs[name] = old_outputs[name]
    return outputs


def _object(specs: dict[str, schema.Spec], inputs: Properties) -> Properties:
    return {name: _value(spec, inputs[name]) if name in inputs else UNKNOWN for name, spec in specs.items()}


def _value(spec: schema.Spec, value: Any) -> Any:
    match spec:
        case {"object": name} if isinstance(value, dict):
            return _object(schema.output_object(name), value)
        case {"array": item} if isinstance(value, list):
            return [_value(item, element) for element in value]
        case {"map": item} if isinstance(value, dict):
            return {key: _value(item, element) for key, element in value.items()}
        case {"map": _} if isinstance(value, list):
            return UNKNOWN
    return value


def returned(token: str, outputs: Properties) -> Properties:
    """The outputs that the type has, and nothing else."""
    return _filter(schema.resource(token)["outputs"], outputs)


def _filter(specs: dict[str, schema.Spec], values: Properties) -> Properties:
    return {n: _filtered(specs[n], value) for n, value in values.items() if n in specs and value is not None}


def _filtered(spec: schema.Spec, value: Any) -> Any:
    match spec:
        case {"object": name} if isinstance(value, dict):
            return _filter(schema.output_object(name), value)
        case {"array": item} if isinstance(value, list):
            return [_filtered(item, element) for element in value]
        case {"map": item} if isinstance(value, dict):
            return {key: _filtered(item, element) for key, element in value.items()}
    return value
