"""Generates schema.json from the installed pulumi-azure-native, for the types that the stand-in knows.

The provider must start fast and therefore never imports the SDK (seconds, gigabytes of aliases); it reads the
names, nested shapes, enums and required properties of the types it supports from the committed schema.json. A
test compares that file with the installed SDK, so a raised pin that changes a shape is noticed.

Source of every fact are the SDK's own annotations: `pulumi.getter` names, property types, and which parameters
of a class's `__init__` have no default.
"""

from __future__ import annotations

import collections.abc
import enum
import importlib
import inspect
import json
import re
import types
import typing
from importlib.metadata import version
from typing import Any

from pulumi import _types

from rehearsal.provider.types import TYPES

Spec = Any
"""A type in schema.json: a name, or {"array"|"map": spec}, or {"object"|"enum": "module.Name"}."""

_PLAIN = {str: "string", bool: "boolean", int: "integer", float: "number"}


def generate() -> dict[str, Any]:
    """The schema of all supported types."""
    return _Generator().document()


def render(document: dict[str, Any]) -> str:
    """The document in the form in which it is committed: sorted, one type a line."""
    lines = ["{", *(f'"{name}": {json.dumps(document[name])},' for name in ("sdk", "configuration"))]
    sections = ["resources", "inputs", "outputs", "enums"]
    for section in sections:
        entries = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in sorted(document[section].items())]
        lines += [f'"{section}": {{', ",\n".join(entries), "}" if section == sections[-1] else "},"]
    return "\n".join([*lines, "}", ""])


class _Generator:
    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.enums: dict[str, list[str]] = {}

    def document(self) -> dict[str, Any]:
        resources = {token: self._resource(token) for token in TYPES}
        sdk = version("pulumi-azure-native")
        configuration = sorted(_types.input_type_types(importlib.import_module("pulumi_azure_native").ProviderArgs))
        return {
            "sdk": sdk,
            "configuration": configuration,
            "resources": resources,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "enums": self.enums,
        }

    def _resource(self, token: str) -> dict[str, Any]:
        _, module_name, name = token.split(":")
        # Each resource lies in a module of its own, whose name is the type's in snake case.
        package = importlib.import_module(f"pulumi_azure_native.{module_name}")
        resource = getattr(package, name)
        module = inspect.getmodule(resource)
        arguments = getattr(module, f"{name}InitArgs", None) or getattr(module, f"{name}Args")
        api = re.search(r"Azure REST API version (\S+)\.", arguments_doc(resource))
        outputs = {n: self._spec(t, self._output) for n, t in sorted(_types.resource_types(resource).items())}
        return {"api": api.group(1) if api else None, **self._members(arguments, self._input), "outputs": outputs}

    def _members(self, cls: type, nested: Any) -> dict[str, Any]:
        names = _types.input_type_py_to_pulumi_names(cls)
        properties = {n: self._spec(t, nested) for n, t in sorted(_types.input_type_types(cls).items())}
        return {"properties": properties, "required": sorted(_required(cls, names))}

    def _input(self, cls: type) -> str:
        name = _name(cls)
        if name not in self.inputs:
            self.inputs[name] = {}  # Shapes refer to each other in circles.
            self.inputs[name] = self._members(cls, self._input)
        return name

    def _output(self, cls: type) -> str:
        name = _name(cls)
        if name not in self.outputs:
            self.outputs[name] = {}
            members = _types.output_type_types(cls)
            self.outputs[name] = {n: self._spec(t, self._output) for n, t in sorted(members.items())}
        return name

    def _spec(self, annotation: Any, nested: Any) -> Spec:
        options = [o for o in _options(annotation) if o is not type(None)]
        enums = [o for o in options if isinstance(o, type) and issubclass(o, enum.Enum)]
        if enums:
            return {"enum": self._enum(enums[0])}
        (option,) = options if len(options) == 1 else (Any,)
        origin = typing.get_origin(option)
        if option in _PLAIN:
            return _PLAIN[option]
        if origin in (list, collections.abc.Sequence):
            return {"array": self._spec(typing.get_args(option)[0], nested)}
        if origin in (dict, collections.abc.Mapping):
            return {"map": self._spec(typing.get_args(option)[1], nested)}
        if isinstance(option, type) and (_types.is_input_type(option) or _types.is_output_type(option)):
            return {"object": nested(option)}
        return "any"

    def _enum(self, cls: type[enum.Enum]) -> str:
        name = _name(cls)
        self.enums[name] = [member.value for member in cls]
        return name


def arguments_doc(resource: type) -> str:
    """The docstring that names the API version: that of one of `__init__`'s overloads."""
    overloads = typing.get_overloads(resource.__init__)  # type: ignore[misc]
    return "\n".join(inspect.getdoc(o) or "" for o in overloads)


def _options(annotation: Any) -> list[Any]:
    """The alternatives of an annotation, with Input[…], Optional[…] and the dict forms of input types removed."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        found = [option for argument in typing.get_args(annotation) for option in _options(argument)]
        return [o for n, o in enumerate(found) if o not in found[:n] and not typing.is_typeddict(o)]
    if origin is not None and getattr(origin, "__module__", "").startswith("pulumi"):
        return _options(typing.get_args(annotation)[0])
    if origin is collections.abc.Awaitable or origin is typing.Awaitable:
        return []
    return [annotation]


def _required(cls: type, names: dict[str, str]) -> set[str]:
    parameters = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    return {
        names[name] for name, parameter in parameters.items() if parameter.default is parameter.empty and name in names
    }


def _name(cls: type) -> str:
    module = cls.__module__.split(".")[1]
    return f"{module}.{cls.__name__}"
