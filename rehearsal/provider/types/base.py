"""What all resource types have in common."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.values import UNKNOWN, Properties, is_known, without

GROUP = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
SUCCEEDED: Properties = {"provisioningState": "Succeeded"}


class ResourceType:
    """One resource type: its ARM id, what ARM refuses, and what ARM fills in.

    One class per type, without state. Inputs are plain (no secrets wrapped), may hold UNKNOWN, and have the right shape
    when `validate` is called.
    """

    token: ClassVar[str]
    path: ClassVar[str]
    """The ARM path; each ``{parameter}`` is an input whose change replaces the resource."""
    arm_type: ClassVar[str]
    naming: ClassVar[Literal["random", "copy", "uuid"]] = "random"
    """How the provider makes a name where the program gives none (the last path parameter)."""
    replacing: ClassVar[frozenset[str]] = frozenset()
    """Generic paths whose change replaces, in addition to the path parameters: forceNewMap and x-ms-mutability."""
    write_only: ClassVar[tuple[str, ...]] = ()
    """Dotted paths that ARM takes and never returns."""
    global_location: ClassVar[bool] = False
    """Whether ARM takes only ``global`` as location."""
    survives_failure: ClassVar[bool] = False
    """Whether a resource whose creation failed continues to exist, failed; most types leave nothing behind."""
    real: ClassVar[str] = ""
    """What becomes real in the rehearsal; empty: it is recorded only."""
    not_modelled: ClassVar[str] = ""
    """What of the type has no effect in the rehearsal."""

    @property
    def path_parameters(self) -> list[str]:
        return [name for name in re.findall(r"{(\w+)}", self.path) if name != "subscriptionId"]

    @property
    def name_parameter(self) -> str:
        return self.path_parameters[-1]

    def resource_id(self, inputs: Properties, subscription: str) -> str | None:
        """The ARM id, or None while a part of it is unknown."""
        values: dict[str, Any] = {"subscriptionId": subscription, **inputs}
        if not all(isinstance(values.get(name), str) for name in self.path_parameters):
            return None
        return re.sub(r"{(\w+)}", lambda match: self._segment(match[1], values[match[1]]), self.path)

    def _segment(self, name: str, value: str) -> str:
        return value.strip("/") if name == "scope" else quote(value, safe="-._~@*$!()")

    def path_values(self, identifier: str) -> Properties:
        """The reverse of `resource_id`: the path parameters' values."""
        pattern = re.sub(r"{(\w+)}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] == 'scope' else '[^/]+'})", self.path)
        match = re.fullmatch(pattern, identifier, re.IGNORECASE)
        if match is None:
            raise ValueError(f"{identifier} is not the id of a {self.arm_type}: those have the form {self.path}")
        return {name: value for name, value in match.groupdict().items() if name != "subscriptionId"}

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        """What ARM would refuse of inputs that have the right shape. Unknown values are let pass."""
        yield from ()

    def outputs(self, identifier: str, inputs: Properties) -> Properties:
        """What ARM returns: the inputs, its defaults, and what it gives every resource of the type."""
        body = {name: value for name, value in inputs.items() if name not in self.path_parameters}
        for path in self.write_only:
            body = without(body, path)
        return {"name": identifier.rpartition("/")[2], "type": self.arm_type, **self.complete(identifier, body)}

    def complete(self, identifier: str, body: Properties) -> Properties:
        """``body`` with the defaults of the type."""
        return {**SUCCEEDED, **body}


def guid(identifier: str, purpose: str) -> str:
    """A UUID that the same resource gets every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{identifier.lower()}#{purpose}"))


def digest(*texts: str) -> str:
    """32 hexadecimal digits that the same texts give every time."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def known(value: object) -> bool:
    """Whether there is a value and it is known."""
    return value is not None and is_known(value)


def items(value: object) -> list[tuple[int, Properties]]:
    """The known objects of an array property, with their positions."""
    if not isinstance(value, list):
        return []
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]


def duplicates(name: str, objects: list[tuple[int, Properties]], path: str) -> Iterator[Failure]:
    """A failure for each object of an array whose ``name`` property an earlier one has."""
    seen: dict[Any, int] = {}
    for index, item in objects:
        value = item.get(name)
        if value is None or value is UNKNOWN:
            continue
        if value in seen:
            yield Failure(f"{path}[{index}].{name}", f"{value!r} is also that of {path}[{seen[value]}]")
        seen.setdefault(value, index)


def within(value: object, low: int, high: int, path: str) -> Iterator[Failure]:
    """A failure if a number is outside its range."""
    if isinstance(value, int | float) and not low <= value <= high:
        yield Failure(path, f"{value} is not between {low} and {high}")


def named(pattern: str, inputs: Properties, parameter: str, rule: str) -> Iterator[Failure]:
    """A failure if a resource's name is not one that Azure takes."""
    value = inputs.get(parameter)
    if isinstance(value, str) and not re.fullmatch(pattern, value):
        yield Failure(parameter, f"{value!r} is not a name that Azure takes (InvalidResourceName): {rule}")


def tags_refused(inputs: Properties) -> Iterator[Failure]:
    """ARM's limits for tags."""
    tags = inputs.get("tags")
    if not isinstance(tags, dict):
        return
    if len(tags) > 50:
        yield Failure("tags", f"{len(tags)} tags; ARM takes 50 (InvalidTagsCount)")
    for key, value in tags.items():
        if len(key) > 512 or re.search(r"[<>%&\\?/]", key):
            yield Failure(f'tags["{key}"]', "a tag's name has at most 512 characters and none of <>%&\\?/")
        if isinstance(value, str) and len(value) > 256:
            yield Failure(f'tags["{key}"]', f"{len(value)} characters; a tag's value has at most 256")
