"""Pulumi's property values as plain Python data.

On the wire an unknown value is a sentinel string and a secret a tagged object. Here they are `UNKNOWN` and
`Secret`; all else is dict, list, str, bool, int, float. Nulls in objects are dropped, as the real provider does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2

_TAG = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_SENTINEL = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SENTINELS = frozenset(
    {
        _SENTINEL,  # of a string, and of anything whose kind is not known either
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

Properties = dict[str, Any]


class _Unknown:
    """A value that is not known before the resource it comes from is made."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must not appear in plain text in state, logs or output."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(…)"


def decode(message: struct_pb2.Struct) -> Properties:
    """A message's properties."""
    return {key: _decode(value) for key, value in message.fields.items() if value.WhichOneof("kind") != "null_value"}


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            if _TAG in fields and fields[_TAG].string_value == _SECRET:
                return Secret(_decode(fields["value"]))
            return decode(value.struct_value)
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "string_value":
            return UNKNOWN if value.string_value in _SENTINELS else value.string_value
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
    return None


def encode(properties: Properties) -> struct_pb2.Struct:
    """The reverse of `decode`."""
    message = struct_pb2.Struct()
    for key, value in properties.items():
        if value is not None:
            message.fields[key].CopyFrom(_encode(value))
    return message


def _encode(value: Any) -> struct_pb2.Value:
    if value is UNKNOWN:
        return struct_pb2.Value(string_value=_SENTINEL)
    if isinstance(value, Secret):
        return struct_pb2.Value(struct_value=encode({_TAG: _SECRET, "value": value.value}))
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=value)
    if isinstance(value, str):
        return struct_pb2.Value(string_value=value)
    if isinstance(value, dict):
        return struct_pb2.Value(struct_value=encode(value))
    if isinstance(value, list | tuple):
        return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)


def plain(value: Any) -> Any:
    """The value with its secrets in plain text: for checking and for making, never for what is returned or logged."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def is_secret(value: Any) -> bool:
    """Whether anything in the value is secret."""
    if isinstance(value, Secret):
        return True
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(is_secret(item) for item in items)


class Marks:
    """Which of a resource's properties are secret: split off where they come in, joined where they leave."""

    def __init__(self, given: Any = None) -> None:
        self._given = given

    def join(self, values: Properties) -> Properties:
        """The values as they may leave, with everything secret that was secret; a list is secret as a whole."""
        joined: Properties = _join(values, self._given)
        return joined

    def clear(self, values: Properties) -> Properties:
        """The values without anything that is secret: what may be kept."""
        kept: Properties = without_secrets(self.join(values))
        return kept

    def merged_with(self, other: Marks) -> Marks:
        """What is secret in either."""
        return Marks(merge(self._given, other._given))


def split(given: Properties) -> tuple[Properties, Marks]:
    """The values in plain text, for checking and making, and which of them are secret."""
    return plain(given), Marks(given)


def _join(values: Any, like: Any) -> Any:
    if isinstance(like, Secret):
        return Secret(values)
    if isinstance(values, dict) and isinstance(like, dict):
        return {key: _join(value, like[key]) if key in like else value for key, value in values.items()}
    if isinstance(like, list) and is_secret(like):
        return Secret(values)
    return values


def without_secrets(value: Any) -> Any:
    """The value without anything in it that is secret."""
    if isinstance(value, dict):
        return {key: without_secrets(item) for key, item in value.items() if not isinstance(item, Secret)}
    if isinstance(value, list):
        return [without_secrets(item) for item in value if not isinstance(item, Secret)]
    return value


def is_known(value: Any) -> bool:
    """Whether nothing in the value is unknown."""
    if value is UNKNOWN:
        return False
    if isinstance(value, Secret):
        return is_known(value.value)
    items: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(is_known(item) for item in items)


def look(value: Any, path: str) -> Any:
    """The value at a dotted path of object properties; None where it is absent, UNKNOWN where not known yet."""
    for part in path.split("."):
        if value is UNKNOWN:
            return UNKNOWN
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def without(properties: Properties, path: str) -> Properties:
    """A copy without the property at a dotted path; ``[]`` in a part means every item of an array."""
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    if name not in properties:
        return properties
    if not rest:
        return {key: value for key, value in properties.items() if key != name}
    value = properties[name]
    if head.endswith("[]") and isinstance(value, list):
        return {**properties, name: [without(item, rest) if isinstance(item, dict) else item for item in value]}
    return {**properties, name: without(value, rest)} if isinstance(value, dict) else properties


def merge(base: Any, over: Any) -> Any:
    """``base`` with ``over`` laid upon it: objects property by property, anything else replaced."""
    if isinstance(base, dict) and isinstance(over, dict):
        both = {key: merge(base[key], value) if key in base else value for key, value in over.items()}
        return {**base, **both}
    return over


def strings(value: Any) -> Iterator[str]:
    """Every string anywhere in the value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Secret):
        yield from strings(value.value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
