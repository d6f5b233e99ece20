"""What a refresh makes of the inputs, as the real provider's Read does.

Inputs cannot be read back from Azure: much of what it returns are defaults that were never asked for. So the old
outputs and the new, each reduced to what could be an input, are compared, and only what differs is applied to
the old inputs. Where nothing changed behind Pulumi's back the inputs stay as they are, and a refresh is empty.
"""

from __future__ import annotations

from typing import Any

from rehearsal.provider import schema
from rehearsal.provider.diff import keys, same
from rehearsal.provider.values import Properties


def refreshed_inputs(token: str, inputs: Properties, old_outputs: Properties, new_outputs: Properties) -> Properties:
    """The old plain inputs with the difference between two plain outputs applied."""
    shape = schema.resource(token)
    return _apply_objects(inputs, _as_inputs(shape, old_outputs), _as_inputs(shape, new_outputs))


def inputs_of(token: str, outputs: Properties, path_parameters: Properties) -> Properties:
    """Inputs for a resource that is imported: its outputs without what only Azure sets, and its name and parents."""
    return {**_as_inputs(schema.resource(token), outputs), **path_parameters}


def _as_inputs(shape: dict[str, Any], outputs: Properties) -> Properties:
    known = shape["properties"]
    return {name: _as_input(known[name], value) for name, value in outputs.items() if name in known}


def _as_input(spec: schema.Spec, value: Any) -> Any:
    match spec:
        case {"object": name} if isinstance(value, dict):
            return _as_inputs(schema.input_object(name), value)
        case {"array": item} if isinstance(value, list):
            return [_as_input(item, element) for element in value]
        case {"array": _} if isinstance(value, dict):
            # Azure returns a set of ids as an object whose keys they are (userAssignedIdentities).
            return list(value)
    return value


def _apply_objects(base: Properties, old: Properties, new: Properties) -> Properties:
    result = {name: value for name, value in base.items() if name in new or name not in old}
    for name, value in new.items():
        if name not in old:
            result[name] = value
        elif not _equal(old[name], value):
            result[name] = _apply(base[name], old[name], value) if name in base else value
    return result


def _apply(base: Any, old: Any, new: Any) -> Any:
    if isinstance(base, dict) and isinstance(old, dict) and isinstance(new, dict):
        return _apply_objects(base, old, new)
    if isinstance(base, list) and isinstance(old, list) and isinstance(new, list):
        return _apply_arrays(base, old, new)
    return new


def _apply_arrays(base: list[Any], old: list[Any], new: list[Any]) -> list[Any]:
    all_keys = [keys(items) for items in (base, old, new)]
    named = [found for found in all_keys if found is not None]
    if len(named) != len(all_keys):
        # By position, as the real provider does.
        named = [[str(n) for n in range(len(items))] for items in (base, old, new)]
    before = dict(zip(named[0], base, strict=True))
    then = dict(zip(named[1], old, strict=True))
    return [
        _apply(before[key], then[key], item) if key in before and key in then else item
        for key, item in zip(named[2], new, strict=True)
    ]


def _equal(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_equal(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_equal(a, b) for a, b in zip(old, new, strict=True))
    return same(old, new)
