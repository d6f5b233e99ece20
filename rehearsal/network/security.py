"""Network security groups as values: their rules and Azure's defaults, in the order in which they are evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Any, Literal

from rehearsal.base import settings
from rehearsal.base.handler import HandlerError

Direction = Literal["Inbound", "Outbound"]

ANY = ("*", "0.0.0.0/0", "Any")
PROTOCOLS = {"tcp", "udp", "icmp", "esp", "ah", "*"}
PLATFORM_TAGS = {
    "AzurePlatformDNS": str(settings.PLATFORM_DNS),
    "AzurePlatformIMDS": str(settings.METADATA),
}
"""Azure's own resolver and metadata service: a rule applies to traffic to them only if it names one of these tags."""
TAGS: dict[str, tuple[str, ...]] = {
    "AzureKeyVault": (str(settings.KEY_VAULT),),
    "AzureLoadBalancer": (str(settings.PLATFORM_DNS),),
    "AzureCloud": (str(settings.KEY_VAULT), str(settings.PUBLIC_ADDRESSES)),
    # These have no counterpart here: a rule that names one exists, and matches nothing.
    **dict.fromkeys(
        [
            "GatewayManager",
            "ActionGroup",
            "ApiManagement",
            "AppService",
            "AppServiceManagement",
            "AzureActiveDirectory",
            "AzureArcInfrastructure",
            "AzureBackup",
            "AzureContainerRegistry",
            "AzureFrontDoor",
            "AzureMonitor",
            "AzurePlatformLKM",
            "AzureResourceManager",
            "AzureSiteRecovery",
            "AzureUpdateDelivery",
            "DataFactory",
            "EventHub",
            "GuestAndHybridManagement",
            "LogicApps",
            "ServiceBus",
            "Sql",
            "Storage",
        ],
        (),
    ),
}
"""Service tags other than VirtualNetwork and Internet, with the addresses that they have in the rehearsal."""

_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_RULE_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,78}\w)?")


@dataclass(frozen=True)
class SecurityRule:
    name: str
    priority: int
    direction: Direction
    allow: bool
    protocol: str
    """tcp, udp, icmp, esp, ah or ``*``."""
    sources: tuple[str, ...]
    """Prefixes, or one service tag; empty for any."""
    source_ports: tuple[str, ...]
    """``22`` or ``8000-8010``; empty for any."""
    destinations: tuple[str, ...]
    destination_ports: tuple[str, ...]

    @property
    def platform(self) -> str | None:
        """The platform's address that its destination tag stands for, if it has one of those tags."""
        return PLATFORM_TAGS.get(self.destinations[0]) if self.destinations else None


@dataclass(frozen=True)
class SecurityGroup:
    id: str
    name: str
    rules: tuple[SecurityRule, ...]
    """Azure's default rules included, in the order in which they are evaluated."""

    def rules_for(self, direction: Direction) -> list[SecurityRule]:
        return [rule for rule in self.rules if rule.direction == direction]


def _default(name: str, priority: int, direction: Direction, allow: bool, source: str, target: str) -> SecurityRule:
    return SecurityRule(name, priority, direction, allow, "*", _side([source]), (), _side([target]), ())


def _side(prefixes: list[str]) -> tuple[str, ...]:
    return () if any(prefix in ANY for prefix in prefixes) else tuple(prefixes)


DEFAULT_RULES = (
    _default("AllowVnetInBound", 65000, "Inbound", True, "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", 65001, "Inbound", True, "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", 65500, "Inbound", False, "*", "*"),
    _default("AllowVnetOutBound", 65000, "Outbound", True, "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", 65001, "Outbound", True, "*", "Internet"),
    _default("DenyAllOutBound", 65500, "Outbound", False, "*", "*"),
)
"""The rules that Azure adds to every group, and that cannot be removed."""


def security_group(identifier: str, name: str, rules: list[dict[str, Any]]) -> SecurityGroup:
    """The group with these ``securityRules``. Raises HandlerError with ARM's code for what Azure refuses."""
    own = [_rule(f"{name}/{rule.get('name')}", rule) for rule in rules]
    taken: dict[tuple[str, int], str] = {}
    for rule in own:
        if sum(rule.name.lower() == other.name.lower() for other in own) > 1:
            raise HandlerError(f"{name}: there are two rules named {rule.name}; give each a name of its own.")
        other = taken.setdefault((rule.direction, rule.priority), rule.name)
        if other != rule.name:
            raise HandlerError(
                f"{name}: SecurityRuleConflict: {other} and {rule.name} both have priority {rule.priority} "
                f"{rule.direction}; give each a priority of its own."
            )
    ordered = sorted((*own, *DEFAULT_RULES), key=lambda rule: (rule.direction, rule.priority))
    return SecurityGroup(identifier, name, tuple(ordered))


def _rule(where: str, document: dict[str, Any]) -> SecurityRule:
    name = str(document.get("name") or "")
    if not _RULE_NAME.fullmatch(name):
        raise HandlerError(f"{where}: {name!r} is not a rule name that Azure allows.")
    priority = document.get("priority")
    if not isinstance(priority, (int, float)) or not 100 <= priority <= 4096:
        raise HandlerError(f"{where}: SecurityRuleInvalidPriority: {priority!r} is not between 100 and 4096.")
    protocol = str(document.get("protocol", "")).lower()
    if protocol not in PROTOCOLS:
        raise HandlerError(f"{where}: protocol {document.get('protocol')!r} is none of Tcp, Udp, Icmp, Esp, Ah, *.")
    for side in ("source", "destination"):
        if document.get(f"{side}ApplicationSecurityGroups"):
            raise HandlerError(f"{where}: {side}ApplicationSecurityGroups are not made real in the rehearsal.")
    direction, access = document.get("direction"), document.get("access")
    if direction not in ("Inbound", "Outbound") or access not in ("Allow", "Deny"):
        raise HandlerError(f"{where}: direction {direction!r} or access {access!r} is unknown.")
    return SecurityRule(
        name=name,
        priority=int(priority),
        direction=direction,
        allow=access == "Allow",
        protocol=protocol,
        sources=_prefixes(where, document, "source"),
        source_ports=_ports(where, document, "source"),
        destinations=_prefixes(where, document, "destination"),
        destination_ports=_ports(where, document, "destination"),
    )


def _prefixes(where: str, document: dict[str, Any], side: str) -> tuple[str, ...]:
    single, several = document.get(f"{side}AddressPrefix"), document.get(f"{side}AddressPrefixes") or []
    if bool(single) == bool(several):
        raise HandlerError(f"{where}: give either {side}AddressPrefix or {side}AddressPrefixes.")
    given = [single] if single else list(several)
    if _side(given) == ():
        return ()
    for prefix in given:
        if tag(prefix) is not None:
            if len(given) > 1:
                raise HandlerError(f"{where}: {side}AddressPrefixes: a service tag ({prefix}) must be the only entry.")
            continue
        try:
            IPv4Network(prefix, strict=False)
        except (AddressValueError, NetmaskValueError, ValueError):
            raise HandlerError(
                f"{where}: SecurityRuleInvalidAddressPrefix: {prefix!r} is neither a prefix, nor an address, nor a "
                f"service tag known here."
            ) from None
    return tuple(tag(prefix) or prefix for prefix in given)


def tag(text: str) -> str | None:
    """The service tag in ``text``, without the region in e.g. ``Storage.GermanyWestCentral``; None if it is none."""
    base = text.partition(".")[0]
    return base if base in TAGS or base in PLATFORM_TAGS or base in ("VirtualNetwork", "Internet") else None


def _ports(where: str, document: dict[str, Any], side: str) -> tuple[str, ...]:
    single, several = document.get(f"{side}PortRange"), document.get(f"{side}PortRanges") or []
    if bool(single) == bool(several):
        raise HandlerError(f"{where}: give either {side}PortRange or {side}PortRanges.")
    given = [str(port) for port in ([single] if single else several)]
    if "*" in given:
        return ()
    for port in given:
        match = _PORTS.fullmatch(port)
        low, high = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 0 <= low <= high <= 65535:
            raise HandlerError(
                f"{where}: SecurityRuleInvalidPortRange: {port!r} is neither a port nor a range of ports."
            )
    return tuple(given)
