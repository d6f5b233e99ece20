"""From ARM's properties (camelCase, with sub-resource ids) to the model; all mistakes are reported together.

What would change the gateway's answers and is not made real is refused, never left out silently.
"""

from __future__ import annotations

from typing import Any

from rehearsal.base.handler import HandlerError, Properties
from rehearsal.gateway import backends, tls
from rehearsal.gateway.model import (
    Backend,
    BackendSettings,
    Certificate,
    Gateway,
    Listener,
    Redirect,
    RoutingRule,
)
from rehearsal.gateway.reader import HOST, HOST_PATTERN, URL, Reader
from rehearsal.gateway.unsupported import UNSUPPORTED

_REDIRECTS = {"Permanent": 301, "Found": 302, "SeeOther": 303, "Temporary": 307}
_HIGHEST_PRIORITY = 20000


def parse(identifier: str, properties: Properties) -> Gateway:
    """The declared gateway. Raises HandlerError with all mistakes, each with the path of its property."""
    reader = _GatewayReader(identifier, properties)
    gateway = reader.gateway()
    if reader.problems or gateway is None:
        raise HandlerError(f"Application Gateway {identifier}:\n" + "\n".join(reader.problems))
    return gateway


def problems(identifier: str, properties: Properties) -> list[str]:
    """The mistakes that :func:`parse` would raise."""
    reader = _GatewayReader(identifier, properties)
    reader.gateway()
    return reader.problems


class _GatewayReader(Reader):
    def gateway(self) -> Gateway | None:
        for key in UNSUPPORTED:
            if self.given.get(key):
                self.wrong(key, "is not made real by the rehearsal's gateway")
        probes = {name: backends.probe(self, path, item) for name, path, item in self.items("probes")}
        roots = {
            name: backends.trusted_root(self, path, item) for name, path, item in self.items("trustedRootCertificates")
        }
        settings = {
            name: backends.settings(self, path, item, probes, roots)
            for name, path, item in self.items("backendHttpSettingsCollection")
        }
        pools = {name: backends.servers(self, path, item) for name, path, item in self.items("backendAddressPools")}
        certificates = {name: self._certificate(path, item) for name, path, item in self.items("sslCertificates")}
        listeners = self._listeners(certificates)
        rules = self._rules(listeners, pools, settings, self._redirects(listeners))
        for name in sorted(set(listeners) - {rule.listener.name for rule in rules}):
            self.wrong(f"httpListeners[{name}]", "no requestRoutingRule names it")
        try:
            policy = tls.policy(self.given.get("sslPolicy") or {})
        except tls.UnknownTlsPolicy as error:
            self.wrong("sslPolicy", str(error))
            return None
        subnet, public = self._subnet(), self._public_address()
        if subnet is None or public is None:
            return None
        return Gateway(
            id=self.id,
            name=self.id.rsplit("/", 1)[-1],
            subnet=subnet,
            public_address=public,
            identities=tuple((self.given.get("identity") or {}).get("userAssignedIdentities") or ()),
            policy=(self.given.get("firewallPolicy") or {}).get("id"),
            rules=tuple(sorted(rules, key=lambda rule: rule.priority)),
            certificates=tuple(certificates.values()),
            trusted_roots=roots,
            tls=policy,
            http2=bool(self.given.get("enableHttp2")),
        )

    def _certificate(self, path: str, item: dict[str, Any]) -> Certificate:
        secret, data = item.get("keyVaultSecretId"), item.get("data")
        if bool(secret) == bool(data):
            self.wrong(path, "needs either keyVaultSecretId or data, and not both")
        if secret and not (self.given.get("identity") or {}).get("userAssignedIdentities"):
            self.wrong(
                "identity", f"is needed to read {path}.keyVaultSecretId (ApplicationGatewayKeyVaultSecretException)"
            )
        return Certificate(item["name"], secret, data, item.get("password"))

    def _listeners(self, certificates: dict[str, Certificate]) -> dict[str, Listener]:
        frontends = {name: item for name, _, item in self.items("frontendIPConfigurations")}
        ports = {name: self.number(path, item, "port", 0, 1, 65535) for name, path, item in self.items("frontendPorts")}
        listeners: dict[str, Listener] = {}
        taken: dict[tuple[int, str], str] = {}
        for name, path, item in self.items("httpListeners"):
            protocol = self.protocol(path, item)
            hosts = tuple(
                self.text(f"{path}.hostNames", host, HOST_PATTERN).lower() for host in item.get("hostNames") or []
            )
            if item.get("hostName"):
                if hosts:
                    self.wrong(path, "has both hostName and hostNames")
                hosts = (self.text(f"{path}.hostName", item["hostName"], HOST).lower(),)
            frontend = self.refer(
                f"{path}.frontendIPConfiguration",
                item.get("frontendIPConfiguration"),
                "frontendIPConfigurations",
                frontends,
            )
            if frontend is not None and not frontend.get("publicIPAddress"):
                self.wrong(f"{path}.frontendIPConfiguration", "only public frontends are made real")
            port = self.refer(f"{path}.frontendPort", item.get("frontendPort"), "frontendPorts", ports)
            certificate = None
            if protocol == "https":
                certificate = self.refer(
                    f"{path}.sslCertificate", item.get("sslCertificate"), "sslCertificates", certificates
                )
            if item.get("customErrorConfigurations") or item.get("sslProfile"):
                self.wrong(path, "customErrorConfigurations and sslProfile are not made real")
            for host in hosts or ("",):
                other = taken.setdefault((port or 0, host), name)
                if other != name:
                    what = f"host name {host}" if host else "every host name"
                    self.wrong(path, f"listener {other} has {what} on port {port} already")
            listeners[name] = Listener(
                name=name,
                protocol=protocol,
                port=port or 0,
                hosts=hosts,
                certificate=certificate.name if certificate else None,
                policy=(item.get("firewallPolicy") or {}).get("id"),
            )
        return listeners

    def _redirects(self, listeners: dict[str, Listener]) -> dict[str, Redirect]:
        redirects: dict[str, Redirect] = {}
        for name, path, item in self.items("redirectConfigurations"):
            kind = item.get("redirectType", "Permanent")
            if kind not in _REDIRECTS:
                self.wrong(f"{path}.redirectType", f"{kind!r} is none of {', '.join(_REDIRECTS)}")
            url, target = item.get("targetUrl"), None
            if bool(url) == bool(item.get("targetListener")):
                self.wrong(path, "needs either targetListener or targetUrl, and not both")
            elif url:
                self.text(f"{path}.targetUrl", url, URL)
            else:
                target = self.refer(f"{path}.targetListener", item["targetListener"], "httpListeners", listeners)
            redirects[name] = Redirect(
                status=_REDIRECTS.get(kind, 301),
                listener=target,
                url=url,
                path=bool(item.get("includePath")),
                query=bool(item.get("includeQueryString")),
            )
        return redirects

    def _rules(
        self,
        listeners: dict[str, Listener],
        pools: dict[str, tuple[str, ...]],
        settings: dict[str, BackendSettings],
        redirects: dict[str, Redirect],
    ) -> list[RoutingRule]:
        rules: list[RoutingRule] = []
        priorities: dict[int, str] = {}
        named: dict[str, str] = {}
        for name, path, item in self.items("requestRoutingRules"):
            if item.get("ruleType", "Basic") != "Basic" or item.get("urlPathMap") or item.get("rewriteRuleSet"):
                self.wrong(path, "only rules of ruleType Basic without rewriteRuleSet are made real")
            priority = self.number(path, item, "priority", 0, 1, _HIGHEST_PRIORITY)
            if not priority:
                self.wrong(f"{path}.priority", f"is needed, from 1 to {_HIGHEST_PRIORITY}")
            elif priorities.setdefault(priority, name) != name:
                self.wrong(f"{path}.priority", f"rule {priorities[priority]} has {priority} already")
            listener = self.refer(f"{path}.httpListener", item.get("httpListener"), "httpListeners", listeners)
            target: Backend | Redirect | None
            if item.get("redirectConfiguration"):
                target = self.refer(
                    f"{path}.redirectConfiguration", item["redirectConfiguration"], "redirectConfigurations", redirects
                )
            else:
                target = self._backend(path, item, pools, settings)
            if listener is None or target is None:
                continue
            if named.setdefault(listener.name, name) != name:
                self.wrong(f"{path}.httpListener", f"rule {named[listener.name]} names {listener.name} already")
            rules.append(RoutingRule(name, priority, listener, target))
        return rules

    def _backend(
        self,
        path: str,
        item: dict[str, Any],
        pools: dict[str, tuple[str, ...]],
        settings: dict[str, BackendSettings],
    ) -> Backend | None:
        servers = self.refer(f"{path}.backendAddressPool", item.get("backendAddressPool"), "backendAddressPools", pools)
        chosen = self.refer(
            f"{path}.backendHttpSettings", item.get("backendHttpSettings"), "backendHttpSettingsCollection", settings
        )
        if servers is None or chosen is None:
            return None
        return Backend(str(item["backendAddressPool"]["id"]).rsplit("/", 1)[-1], servers, chosen)

    def _subnet(self) -> str | None:
        configurations = self.given.get("gatewayIPConfigurations") or []
        subnet = (configurations[0].get("subnet") or {}).get("id") if len(configurations) == 1 else None
        if not subnet:
            self.wrong("gatewayIPConfigurations", "exactly one with a subnet.id is needed")
        return subnet

    def _public_address(self) -> str | None:
        addresses = [
            address
            for item in self.given.get("frontendIPConfigurations") or []
            if (address := (item.get("publicIPAddress") or {}).get("id"))
        ]
        if len(addresses) != 1:
            self.wrong("frontendIPConfigurations", "exactly one with a publicIPAddress.id is needed")
            return None
        return str(addresses[0])
