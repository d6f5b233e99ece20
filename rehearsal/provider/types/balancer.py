"""Load balancers, and what they share with application gateways: parts that name each other by id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, duplicates, guid, items, named, within
from rehearsal.provider.values import UNKNOWN, Properties, look

SELF = "$self/"
"""Begins an id that means a part of the same resource; the provider puts the resource's id in its place."""


def expand(identifier: str, value: Any) -> Any:
    """The value with every ``$self/…`` id made a full one."""
    if isinstance(value, str) and value.startswith(SELF):
        return f"{identifier}/{value.removeprefix(SELF)}"
    if isinstance(value, dict):
        return {name: expand(identifier, item) for name, item in value.items()}
    if isinstance(value, list):
        return [expand(identifier, item) for item in value]
    return value


def complete_parts(identifier: str, arm_type: str, body: Properties, parts: dict[str, Properties]) -> Properties:
    """The array properties named by ``parts`` with each item's id, type and defaults, as far as they are present."""
    completed: Properties = {}
    for name, defaults in parts.items():
        if isinstance(body.get(name), list):
            completed[name] = [
                {
                    **SUCCEEDED,
                    "id": f"{identifier}/{name}/{item.get('name')}",
                    "type": f"{arm_type}/{name}",
                    **defaults,
                    **item,
                }
                for item in body[name]
            ]
    return {**body, **completed}


def references_refused(
    identifier: str | None, inputs: Properties, references: dict[str, dict[str, str]]
) -> Iterator[Failure]:
    """Failures of references to parts of the same resource.

    ``references`` says for each array which of its items' properties name an item of which other array, e.g.
    ``{"requestRoutingRules": {"httpListener": "httpListeners"}}``.
    """
    for array, properties in references.items():
        for index, item in items(inputs.get(array)):
            for name, target in properties.items():
                path = f"{array}[{index}].{name}"
                values = item.get(name)
                several = isinstance(values, list)
                for position, value in enumerate(values if isinstance(values, list) else [values]):
                    here = f"{path}[{position}].id" if several else f"{path}.id"
                    yield from _reference_refused(identifier, inputs, target, look(value, "id"), here)


def _reference_refused(
    identifier: str | None, inputs: Properties, target: str, reference: Any, path: str
) -> Iterator[Failure]:
    names = [item.get("name") for _, item in items(inputs.get(target))]
    if not isinstance(reference, str) or UNKNOWN in names:
        return
    full = expand(identifier or "$self", reference)
    owner, _, name = full.rpartition(f"/{target}/")
    if identifier is not None and owner.lower() != identifier.lower():
        yield Failure(path, f"{reference!r} is no {target} of this resource (InvalidResourceReference)")
    elif name not in names:
        yield Failure(
            path,
            f"there is no {target} named {name!r}; there are {', '.join(map(str, names)) or 'none'} "
            "(InvalidResourceReference)",
        )


class LoadBalancer(ResourceType):
    token = "azure-native:network:LoadBalancer"
    path = GROUP + "/providers/Microsoft.Network/loadBalancers/{loadBalancerName}"
    arm_type = "Microsoft.Network/loadBalancers"
    real = "Inbound NAT rules translate a port of a public address to a machine's."
    not_modelled = "Load balancing rules, probes and outbound rules; internal load balancers."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        rule = "1 to 80 letters, digits, and _.-"
        yield from named(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", inputs, "loadBalancerName", rule)
        if look(inputs, "sku.name") in (None, "Basic"):
            yield Failure(
                "sku.name", "Basic load balancers (Azure's default here) were retired on 2025-09-30; say Standard"
            )
        for name in _PARTS:
            for index, part in items(inputs.get(name)):
                if part.get("name") is None:
                    yield Failure(f"{name}[{index}].name", "missing required property")
            yield from duplicates("name", items(inputs.get(name)), name)
        for index, frontend in items(inputs.get("frontendIPConfigurations")):
            if frontend.get("publicIPAddress") is None and frontend.get("subnet") is None:
                yield Failure(f"frontendIPConfigurations[{index}]", "has neither publicIPAddress nor subnet")
        yield from references_refused(identifier, inputs, _REFERENCES)
        yield from self._rules_refused(inputs)

    def _rules_refused(self, inputs: Properties) -> Iterator[Failure]:
        seen: dict[tuple[Any, Any, Any], Any] = {}
        for index, rule in items(inputs.get("inboundNatRules")):
            path = f"inboundNatRules[{index}]"
            for port in ("frontendPort", "backendPort"):
                yield from within(rule.get(port), 1, 65534, f"{path}.{port}")
            yield from within(rule.get("idleTimeoutInMinutes"), 4, 100, f"{path}.idleTimeoutInMinutes")
            key = (look(rule, "frontendIPConfiguration.id"), rule.get("protocol"), rule.get("frontendPort"))
            if UNKNOWN in key:
                continue
            if key in seen:
                yield Failure(
                    f"{path}.frontendPort",
                    f"{key[2]} of this frontend is taken by {seen[key]} (RulesUseSameBackendPortProtocolAndFrontend)",
                )
            seen.setdefault(key, rule.get("name"))

    def complete(self, identifier: str, body: Properties) -> Properties:
        full = complete_parts(identifier, self.arm_type, expand(identifier, body), _PARTS)
        guid_ = guid(identifier, "resource")
        return {**SUCCEEDED, "resourceGuid": guid_, **full, "sku": {"tier": "Regional", **full.get("sku", {})}}


_PARTS: dict[str, Properties] = {
    "frontendIPConfigurations": {"privateIPAllocationMethod": "Dynamic", "privateIPAddressVersion": "IPv4"},
    "backendAddressPools": {},
    "inboundNatRules": {"enableFloatingIP": False, "enableTcpReset": False, "idleTimeoutInMinutes": 4},
    "inboundNatPools": {},
    "loadBalancingRules": {"enableFloatingIP": False, "enableTcpReset": False, "idleTimeoutInMinutes": 4},
    "outboundRules": {},
    "probes": {"intervalInSeconds": 15, "probeThreshold": 1},
}
_REFERENCES = {
    "inboundNatRules": {
        "frontendIPConfiguration": "frontendIPConfigurations",
        "backendAddressPool": "backendAddressPools",
    },
    "loadBalancingRules": {
        "frontendIPConfiguration": "frontendIPConfigurations",
        "backendAddressPool": "backendAddressPools",
        "backendAddressPools": "backendAddressPools",
        "probe": "probes",
    },
    "outboundRules": {
        "frontendIPConfigurations": "frontendIPConfigurations",
        "backendAddressPool": "backendAddressPools",
    },
}

TYPES = (LoadBalancer(),)
