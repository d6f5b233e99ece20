"""Are the inputs of a resource of the shape that its type has?

All failures of one resource are found at once, each with its full path. The real provider checks required
properties and kinds likewise; unknown properties and enum values only ARM refuses, or silently ignores. The
stand-in refuses them here, before anything is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from rehearsal.provider import schema
from rehearsal.provider.values import UNKNOWN, Properties

OPEN_ENUMS = frozenset({"compute.VirtualMachineSizeTypes"})
"""Enums that Azure itself does not keep to: its list of machine sizes in the API is years old."""

PROVIDERS_OWN = frozenset({"azureApiVersion", "__createBeforeDelete"})
"""Inputs that the provider adds, as the real one does."""


@dataclass(frozen=True)
class Failure:
    """What is wrong with one property; the path is dotted, with array positions in brackets."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


def check_shape(token: str, inputs: Properties) -> list[Failure]:
    """Unknown properties, missing required ones, wrong kinds and wrong enum values of a resource's plain inputs."""
    properties = {key: value for key, value in inputs.items() if key not in PROVIDERS_OWN}
    return list(_check_object(schema.resource(token), properties, ""))


def check_configuration(values: Properties) -> list[Failure]:
    """Settings of the provider that do not exist; what the engine adds itself is let pass."""
    known = schema.configuration()
    unknown = [name for name in values if name not in (*known, "version", "pluginDownloadURL") and name[:2] != "__"]
    return [Failure(f"azure-native:{name}", f"unknown setting{_suggestion(name, known)}") for name in unknown]


def _check_object(shape: dict[str, Any], value: Properties, path: str) -> Iterator[Failure]:
    known = shape["properties"]
    for name in value:
        if name not in known:
            yield Failure(_join(path, name), f"unknown property{_suggestion(name, known)}")
    for name in shape["required"]:
        if value.get(name) is None:
            yield Failure(_join(path, name), "missing required property")
    for name, item in value.items():
        if name in known and item is not None:
            yield from _check_value(known[name], item, _join(path, name))


def _check_value(spec: schema.Spec, value: Any, path: str) -> Iterator[Failure]:
    if value is UNKNOWN or spec == "any":
        return
    wanted = next(iter(spec)) if isinstance(spec, dict) else spec
    found = _kind(value)
    match wanted, found:
        case "object", "object":
            yield from _check_object(schema.input_object(spec["object"]), value, path)
        case "map", "object":
            for key, item in value.items():
                yield from _check_value(spec["map"], item, f'{path}["{key}"]')
        case "array", "array":
            for index, item in enumerate(value):
                yield from _check_value(spec["array"], item, f"{path}[{index}]")
        case "enum", "string":
            values = schema.enum_values(spec["enum"])
            if value not in values and spec["enum"] not in OPEN_ENUMS:
                options = ", ".join(values)
                yield Failure(path, f"{value!r} is not one of {options}{_suggestion(value, values)}")
        case ("string", "string") | ("boolean", "boolean") | ("integer", "integer"):
            return
        case "number", ("integer" | "number"):
            return
        case _:
            expected = {"map": "object", "enum": "string"}.get(wanted, wanted)
            yield Failure(path, f"should be of type {expected} but is of type {found}")


def _kind(value: Any) -> str:
    # bool before int: a Python bool is an int as well.
    kinds = {bool: "boolean", dict: "object", list: "array", str: "string", int: "integer", float: "number"}
    return next(name for kind, name in kinds.items() if isinstance(value, kind))


def _suggestion(name: str, known: Any) -> str:
    by_lower = {option.lower(): option for option in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"; the nearest known is {by_lower[close[0]]!r}" if close else ""


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
