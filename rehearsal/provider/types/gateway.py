"""Application gateways and their firewall policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rehearsal.gateway.unsupported import UNSUPPORTED
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.balancer import complete_parts, expand, references_refused
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, duplicates, guid, items, named, within
from rehearsal.provider.types.network import address_prefix, parse_network
from rehearsal.provider.values import UNKNOWN, Properties, look

_NAME = r"[A-Za-z0-9]([\w.-]{0,78}\w)?"
_NAME_RULE = "1 to 80 letters, digits, and _.-"

_PARTS: dict[str, Properties] = {
    "gatewayIPConfigurations": {},
    "frontendIPConfigurations": {"privateIPAllocationMethod": "Dynamic"},
    "frontendPorts": {},
    "sslCertificates": {},
    "trustedRootCertificates": {},
    "trustedClientCertificates": {},
    "backendAddressPools": {},
    "backendHttpSettingsCollection": {
        "cookieBasedAffinity": "Disabled",
        "pickHostNameFromBackendAddress": False,
        "requestTimeout": 20,
    },
    "httpListeners": {"hostNames": [], "requireServerNameIndication": False},
    "requestRoutingRules": {"ruleType": "Basic"},
    "redirectConfigurations": {},
    "rewriteRuleSets": {},
    "urlPathMaps": {},
    "sslProfiles": {},
    "probes": {"pickHostNameFromBackendHttpSettings": False, "minServers": 0},
}
_REFERENCES = {
    "httpListeners": {
        "frontendIPConfiguration": "frontendIPConfigurations",
        "frontendPort": "frontendPorts",
        "sslCertificate": "sslCertificates",
        "sslProfile": "sslProfiles",
    },
    "requestRoutingRules": {
        "httpListener": "httpListeners",
        "backendAddressPool": "backendAddressPools",
        "backendHttpSettings": "backendHttpSettingsCollection",
        "redirectConfiguration": "redirectConfigurations",
        "rewriteRuleSet": "rewriteRuleSets",
        "urlPathMap": "urlPathMaps",
    },
    "redirectConfigurations": {"targetListener": "httpListeners"},
    "backendHttpSettingsCollection": {"probe": "probes", "trustedRootCertificates": "trustedRootCertificates"},
}


class ApplicationGateway(ResourceType):
    token = "azure-native:network:ApplicationGateway"
    path = GROUP + "/providers/Microsoft.Network/applicationGateways/{applicationGatewayName}"
    arm_type = "Microsoft.Network/applicationGateways"
    survives_failure = True
    write_only = ("sslCertificates[].data", "sslCertificates[].password")
    real = "A TLS-terminating proxy with probes and draining at the gateway's public address."
    not_modelled = (
        "URL path maps, rewrites, mutual TLS, own error pages, private frontends: refused. "
        "Zones, scaling, more than one instance: recorded only."
    )

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(_NAME, inputs, "applicationGatewayName", _NAME_RULE)
        for name in UNSUPPORTED:
            if inputs.get(name):
                yield Failure(name, "the stand-in does not make this part of an application gateway")
        yield from _sku_refused(inputs)
        for name in _PARTS:
            parts = items(inputs.get(name))
            for index, part in parts:
                if part.get("name") is None:
                    yield Failure(f"{name}[{index}].name", "missing required property")
            yield from duplicates("name", parts, name)
        for name in ("gatewayIPConfigurations", "frontendIPConfigurations", "frontendPorts", "requestRoutingRules"):
            if not inputs.get(name):
                yield Failure(name, "a gateway has at least one")
        yield from references_refused(identifier, inputs, _REFERENCES)
        yield from _subnet_refused(inputs, checked)
        yield from _listeners_refused(inputs)
        yield from _rules_refused(inputs)
        yield from _backends_refused(inputs)
        yield from _certificates_refused(inputs)

    def complete(self, identifier: str, body: Properties) -> Properties:
        full = complete_parts(identifier, self.arm_type, expand(identifier, body), _PARTS)
        identities = look(full, "identity.userAssignedIdentities")
        if isinstance(identities, list):
            full["identity"] = {**full["identity"], "userAssignedIdentities": assigned(identities)}
        return {
            **SUCCEEDED,
            "resourceGuid": guid(identifier, "resource"),
            "operationalState": "Running",
            "defaultPredefinedSslPolicy": "AppGwSslPolicy20220101",
            "enableHttp2": False,
            **full,
        }


def assigned(identities: list[Any]) -> Properties:
    """The ids of user-assigned identities as ARM returns them: an object with each one's principal and client."""
    return {i: {"principalId": guid(i, "principal"), "clientId": guid(i, "client")} for i in identities}


def _sku_refused(inputs: Properties) -> Iterator[Failure]:
    name, tier = look(inputs, "sku.name"), look(inputs, "sku.tier")
    if isinstance(name, str) and not name.endswith("_v2"):
        yield Failure("sku.name", f"{name}: version 1 gateways are retired; say Standard_v2 or WAF_v2")
    if name is None:
        yield Failure("sku.name", "missing required property")
    if isinstance(name, str) and isinstance(tier, str) and name != tier:
        yield Failure("sku.tier", f"{tier!r} does not go with the name {name!r}")
    scaling, capacity = inputs.get("autoscaleConfiguration"), look(inputs, "sku.capacity")
    if scaling is None and capacity is None:
        yield Failure("sku.capacity", "missing: a gateway has a capacity or an autoscaleConfiguration")
    yield from within(capacity, 1, 125, "sku.capacity")
    yield from within(look(scaling, "minCapacity"), 0, 125, "autoscaleConfiguration.minCapacity")
    yield from within(look(scaling, "maxCapacity"), 2, 125, "autoscaleConfiguration.maxCapacity")
    if name == "Standard_v2" and inputs.get("firewallPolicy") is not None:
        yield Failure("firewallPolicy", "needs the SKU WAF_v2")


def _subnet_refused(inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
    for index, configuration in items(inputs.get("gatewayIPConfigurations")):
        path, subnet_id = f"gatewayIPConfigurations[{index}].subnet.id", look(configuration, "subnet.id")
        subnet = checked.find("azure-native:network:Subnet", subnet_id)
        network = parse_network(address_prefix(subnet), "")[0] if subnet else None
        if network and network.prefixlen > 26:
            yield Failure(path, f"{network} is too small: a version 2 gateway needs a /26 (Azure advises a /24)")
        for other, interface in checked.others("azure-native:network:NetworkInterface", None).items():
            theirs = [look(item, "subnet.id") for _, item in items(interface.get("ipConfigurations"))]
            if subnet_id is not None and subnet_id is not UNKNOWN and subnet_id in theirs:
                name = other.rpartition("/")[2]
                yield Failure(path, f"holds the network interface {name}; a gateway's subnet holds gateways only")


def _listeners_refused(inputs: Properties) -> Iterator[Failure]:
    seen: dict[tuple[Any, ...], Any] = {}
    for index, listener in items(inputs.get("httpListeners")):
        path = f"httpListeners[{index}]"
        host, hosts = listener.get("hostName"), listener.get("hostNames")
        if host and hosts:
            yield Failure(f"{path}.hostNames", "cannot be combined with hostName; give one of them")
        if listener.get("protocol") == "Https" and listener.get("sslCertificate") is None:
            yield Failure(f"{path}.sslCertificate", "an HTTPS listener has a certificate")
        if listener.get("protocol") == "Http" and listener.get("sslCertificate") is not None:
            yield Failure(f"{path}.sslCertificate", "an HTTP listener has no certificate")
        port = look(listener, "frontendPort.id")
        for name in [host] if host else hosts if isinstance(hosts, list) and hosts else [None]:
            key = (look(listener, "frontendIPConfiguration.id"), port, name)
            if UNKNOWN in key:
                continue
            if key in seen:
                yield Failure(path, f"has the frontend, port and host name of {seen[key]} ({name or 'any host'})")
            seen.setdefault(key, listener.get("name"))


def _rules_refused(inputs: Properties) -> Iterator[Failure]:
    rules = items(inputs.get("requestRoutingRules"))
    yield from duplicates("priority", rules, "requestRoutingRules")
    taken: dict[Any, Any] = {}
    for index, rule in rules:
        path = f"requestRoutingRules[{index}]"
        if rule.get("priority") is None:
            yield Failure(f"{path}.priority", "missing: a version 2 gateway's rules have priorities")
        yield from within(rule.get("priority"), 1, 20000, f"{path}.priority")
        backend = rule.get("backendAddressPool") is not None and rule.get("backendHttpSettings") is not None
        if not backend and rule.get("redirectConfiguration") is None and rule.get("urlPathMap") is None:
            yield Failure(path, "has neither backendAddressPool with backendHttpSettings nor redirectConfiguration")
        listener = look(rule, "httpListener.id")
        if listener is None:
            yield Failure(f"{path}.httpListener", "missing required property")
        elif listener is not UNKNOWN:
            if listener in taken:
                yield Failure(f"{path}.httpListener.id", f"is also the listener of rule {taken[listener]}")
            taken.setdefault(listener, rule.get("name"))


def _backends_refused(inputs: Properties) -> Iterator[Failure]:
    for index, probe in items(inputs.get("probes")):
        path = f"probes[{index}]"
        host, picks = probe.get("host"), probe.get("pickHostNameFromBackendHttpSettings")
        if host and picks is True:
            yield Failure(
                f"{path}.host", "cannot be combined with pickHostNameFromBackendHttpSettings; give one of them"
            )
        if not host and picks in (None, False):
            yield Failure(f"{path}.host", "missing: say it or pickHostNameFromBackendHttpSettings")
        probed = probe.get("path")
        if isinstance(probed, str) and not probed.startswith("/"):
            yield Failure(f"{path}.path", f"{probed!r} does not begin with /")
        for name in ("interval", "timeout", "unhealthyThreshold"):
            if probe.get(name) is None:
                yield Failure(f"{path}.{name}", "missing required property")
        yield from within(probe.get("interval"), 1, 86400, f"{path}.interval")
        yield from within(probe.get("unhealthyThreshold"), 1, 20, f"{path}.unhealthyThreshold")
        interval, timeout = probe.get("interval"), probe.get("timeout")
        if isinstance(interval, int) and isinstance(timeout, int) and timeout > interval:
            yield Failure(f"{path}.timeout", f"{timeout} s is more than the interval of {interval} s")
    for index, settings in items(inputs.get("backendHttpSettingsCollection")):
        path = f"backendHttpSettingsCollection[{index}]"
        drained = look(settings, "connectionDraining.drainTimeoutInSec")
        yield from within(drained, 1, 3600, f"{path}.connectionDraining.drainTimeoutInSec")
        yield from within(settings.get("requestTimeout"), 1, 86400, f"{path}.requestTimeout")
        yield from within(settings.get("port"), 1, 65535, f"{path}.port")
        if settings.get("hostName") and settings.get("pickHostNameFromBackendAddress") is True:
            yield Failure(
                f"{path}.hostName", "cannot be combined with pickHostNameFromBackendAddress; give one of them"
            )


def _certificates_refused(inputs: Properties) -> Iterator[Failure]:
    for index, certificate in items(inputs.get("sslCertificates")):
        path = f"sslCertificates[{index}]"
        secret = certificate.get("keyVaultSecretId")
        if secret is None and certificate.get("data") is None:
            yield Failure(path, "has neither keyVaultSecretId nor data")
        if secret is not None and look(inputs, "identity.userAssignedIdentities") in (None, []):
            yield Failure(
                "identity.userAssignedIdentities",
                f"missing: {path} is read from the Key Vault with a user-assigned identity "
                "(ApplicationGatewayKeyVaultSecretException)",
            )
        if isinstance(secret, str) and not re.fullmatch(r"https://[^/]+/secrets/[^/]+(/[^/]*)?", secret):
            yield Failure(f"{path}.keyVaultSecretId", f"{secret!r} is no secret's URI: https://VAULT/secrets/NAME")


class WebApplicationFirewallPolicy(ResourceType):
    token = "azure-native:network:WebApplicationFirewallPolicy"
    path = GROUP + "/providers/Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/{policyName}"
    arm_type = "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"
    real = "ModSecurity with the OWASP core rule set before the proxy, in the policy's mode."
    not_modelled = "Microsoft's own rule sets (the core rule set stands for them), bot and denial-of-service rules."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from named(r"[A-Za-z0-9]\w{0,127}|[A-Za-z0-9][\w-]{0,126}\w", inputs, "policyName", "1 to 128 characters")
        sets = items(look(inputs, "managedRules.managedRuleSets"))
        for index, rule_set in sets:
            path = f"managedRules.managedRuleSets[{index}]"
            kind, version = rule_set.get("ruleSetType"), rule_set.get("ruleSetVersion")
            if not isinstance(kind, str) or not isinstance(version, str):
                continue
            if kind not in _RULE_SETS:
                yield Failure(f"{path}.ruleSetType", f"{kind!r} is none of {', '.join(_RULE_SETS)}")
            elif version not in _RULE_SETS[kind]:
                supported = ", ".join(_RULE_SETS[kind])
                yield Failure(f"{path}.ruleSetVersion", f"{kind} {version} is not supported any more; {supported} are")
        if isinstance(look(inputs, "managedRules.managedRuleSets"), list) and not sets:
            yield Failure("managedRules.managedRuleSets", "a policy has at least one managed rule set")
        rules = items(inputs.get("customRules"))
        yield from duplicates("priority", rules, "customRules")
        yield from duplicates("name", rules, "customRules")
        for index, rule in rules:
            yield from within(rule.get("priority"), 1, 100, f"customRules[{index}].priority")

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {
            **SUCCEEDED,
            "resourceState": "Enabled",
            "customRules": [],
            **body,
            "policySettings": {**_POLICY_SETTINGS, **body.get("policySettings", {})},
        }


_RULE_SETS = {
    "Microsoft_DefaultRuleSet": ("2.1", "2.2"),
    "OWASP": ("3.2",),
    "Microsoft_BotManagerRuleSet": ("1.0", "1.1"),
    "Microsoft_HTTPDDoSRuleSet": ("1.0",),
}
_POLICY_SETTINGS: Properties = {
    "state": "Enabled",
    "mode": "Detection",
    "requestBodyCheck": True,
    "maxRequestBodySizeInKb": 128,
    "fileUploadLimitInMb": 100,
    "requestBodyEnforcement": True,
    "requestBodyInspectLimitInKB": 128,
    "fileUploadEnforcement": True,
}

TYPES = (ApplicationGateway(), WebApplicationFirewallPolicy())
