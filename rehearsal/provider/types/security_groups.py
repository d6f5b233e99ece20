"""Network security groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from ipaddress import ip_network

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, duplicates, guid, items, named, within
from rehearsal.provider.values import UNKNOWN, Properties

_RULES_AT_MOST = 1000
SERVICE_TAGS = frozenset(
    {
        *("VirtualNetwork", "Internet", "AzureLoadBalancer", "AzureCloud", "AzureKeyVault", "GatewayManager"),
        *("AzurePlatformDNS", "AzurePlatformIMDS", "AzurePlatformLKM", "AzureMonitor", "AzureActiveDirectory"),
        *(
            "ActionGroup",
            "ApiManagement",
            "AppService",
            "AppServiceManagement",
            "AzureArcInfrastructure",
            "AzureBackup",
        ),
        *(
            "AzureContainerRegistry",
            "AzureFrontDoor",
            "AzureResourceManager",
            "AzureSiteRecovery",
            "AzureUpdateDelivery",
        ),
        *("DataFactory", "EventHub", "GuestAndHybridManagement", "LogicApps", "ServiceBus", "Sql", "Storage"),
    }
)
"""Service tags that the rehearsal's network knows; Azure has more. A region may follow after a dot."""

_LISTS = (
    "sourceAddressPrefixes",
    "destinationAddressPrefixes",
    "sourcePortRanges",
    "destinationPortRanges",
)


class NetworkSecurityGroup(ResourceType):
    token = "azure-native:network:NetworkSecurityGroup"
    path = GROUP + "/providers/Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"
    arm_type = "Microsoft.Network/networkSecurityGroups"
    real = "Packet filter rules that really drop, Azure's default rules and order of evaluation included."
    not_modelled = "Application security groups, flow logs; service tags stand for what the rehearsal has of them."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        rule = "1 to 80 letters, digits, and _.-"
        yield from named(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", inputs, "networkSecurityGroupName", rule)
        rules = items(inputs.get("securityRules"))
        if len(rules) > _RULES_AT_MOST:
            yield Failure("securityRules", f"{len(rules)} rules; a group has at most {_RULES_AT_MOST}")
        yield from duplicates("name", rules, "securityRules")
        for index, one in rules:
            yield from _rule_refused(one, f"securityRules[{index}]")
        yield from _conflicts(rules)

    def complete(self, identifier: str, body: Properties) -> Properties:
        rules = body.get("securityRules") or []
        return {
            **SUCCEEDED,
            "resourceGuid": guid(identifier, "resource"),
            "flushConnection": False,
            **body,
            "securityRules": [self._completed(identifier, rule) for rule in rules],
            "defaultSecurityRules": [self._default(identifier, *row) for row in _DEFAULT_RULES],
        }

    def _completed(self, identifier: str, rule: Properties) -> Properties:
        lists: Properties = {name: [] for name in _LISTS}
        head = {**SUCCEEDED, "id": f"{identifier}/securityRules/{rule.get('name')}"}
        return {**head, "type": f"{self.arm_type}/securityRules", **lists, **rule}

    def _default(
        self, identifier: str, name: str, access: str, direction: str, priority: int, source: str, destination: str
    ) -> Properties:
        lists: Properties = {name: [] for name in _LISTS}
        return {
            **SUCCEEDED,
            "id": f"{identifier}/defaultSecurityRules/{name}",
            "name": name,
            "type": f"{self.arm_type}/defaultSecurityRules",
            "access": access,
            "direction": direction,
            "priority": priority,
            "protocol": "*",
            "sourceAddressPrefix": source,
            "sourcePortRange": "*",
            "destinationAddressPrefix": destination,
            "destinationPortRange": "*",
            **lists,
        }


_DEFAULT_RULES = (
    ("AllowVnetInBound", "Allow", "Inbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "Allow", "Inbound", 65001, "AzureLoadBalancer", "*"),
    ("DenyAllInBound", "Deny", "Inbound", 65500, "*", "*"),
    ("AllowVnetOutBound", "Allow", "Outbound", 65000, "VirtualNetwork", "VirtualNetwork"),
    ("AllowInternetOutBound", "Allow", "Outbound", 65001, "*", "Internet"),
    ("DenyAllOutBound", "Deny", "Outbound", 65500, "*", "*"),
)


def _conflicts(rules: list[tuple[int, Properties]]) -> Iterator[Failure]:
    seen: dict[tuple[object, object], object] = {}
    for index, rule in rules:
        key = (rule.get("direction"), rule.get("priority"))
        if UNKNOWN in key or None in key:
            continue
        if key in seen:
            yield Failure(
                f"securityRules[{index}].priority",
                f"{key[1]} is also that of {seen[key]} in direction {key[0]} (SecurityRuleConflict)",
            )
        seen.setdefault(key, rule.get("name"))


def _rule_refused(rule: Properties, path: str) -> Iterator[Failure]:
    name = rule.get("name")
    if name is None:
        yield Failure(f"{path}.name", "missing required property")
    if isinstance(name, str) and not re.fullmatch(r"[A-Za-z0-9]([\w.-]{0,78}\w)?", name):
        yield Failure(f"{path}.name", f"{name!r} is not a name that Azure takes (InvalidResourceName)")
    if rule.get("priority") is None:
        yield Failure(f"{path}.priority", "missing required property")
    yield from within(rule.get("priority"), 100, 4096, f"{path}.priority")
    description = rule.get("description")
    if isinstance(description, str) and len(description) > 140:
        yield Failure(f"{path}.description", f"{len(description)} characters; at most 140")
    for side in ("source", "destination"):
        yield from _one_of(rule, f"{side}PortRange", f"{side}PortRanges", path)
        yield from _one_of(
            rule, f"{side}AddressPrefix", f"{side}AddressPrefixes", path, f"{side}ApplicationSecurityGroups"
        )
        for port_path, value in _values(rule, f"{side}PortRange", f"{side}PortRanges", path):
            if not _is_port_range(value):
                yield Failure(port_path, f"{value!r} is no port, range or * (SecurityRuleInvalidPortRange)")
        prefixes = list(_values(rule, f"{side}AddressPrefix", f"{side}AddressPrefixes", path))
        for prefix_path, value in prefixes:
            if not _is_address(value, single=prefix_path.endswith("Prefix")):
                close = get_close_matches(value, SERVICE_TAGS, n=1)
                nearest = f"; the nearest tag is {close[0]!r}" if close else ""
                yield Failure(
                    prefix_path,
                    f"{value!r} is no CIDR prefix without host bits, nor a service tag, which must be the only entry "
                    f"(SecurityRuleInvalidAddressPrefix){nearest}",
                )


def _one_of(rule: Properties, single: str, several: str, path: str, groups: str | None = None) -> Iterator[Failure]:
    given = [name for name in (single, several, groups) if name and rule.get(name) not in (None, [])]
    if not given:
        yield Failure(f"{path}.{single}", f"missing: say {single} or {several} (SecurityRuleParameterMissing)")
    if len(given) > 1:
        yield Failure(
            f"{path}.{given[0]}",
            f"cannot be combined with {given[1]}; give one of them (SecurityRuleParameterConflict)",
        )


def _values(rule: Properties, single: str, several: str, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(rule.get(single), str):
        yield f"{path}.{single}", rule[single]
    for index, value in enumerate(rule[several] if isinstance(rule.get(several), list) else []):
        if isinstance(value, str):
            yield f"{path}.{several}[{index}]", value


def _is_port_range(value: str) -> bool:
    match = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", value)
    return value == "*" or bool(match and int(match[1]) <= int(match[2] or match[1]) <= 65535)


def _is_address(value: str, *, single: bool) -> bool:
    if single and (value == "*" or value.split(".")[0] in SERVICE_TAGS):
        return True
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


TYPES = (NetworkSecurityGroup(),)
