"""The mobile endpoints: one application gateway with a web application firewall, in front of the web hosts.

TLS is terminated at the gateway. Each endpoint has a listener on 443 and one on 80 that only redirects to it. The web
hosts receive requests with the host name that the device asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
import pulumi_azure_native.network as azure

from infra.components.component import Component
from infra.components.deployment import Deployment
from infra.components.network import ALL_ZONES, public_address
from infra.stack.topology import EndpointSpec
from landscape.names import WEB_HEALTH_PATH

HTTPS, HTTP = 443, 80
PROBE_INTERVAL, PROBE_TIMEOUT, PROBE_FAILURES = 5, 4, 2
"""A web host that is lost gets no more requests after ten seconds. The timeout may not exceed the interval."""
REQUEST_TIMEOUT = 60
DRAIN_TIMEOUT = 60
INSTANCES = (2, 10)
"""Minimum and maximum: with two, the sites survive the loss of a zone."""

# Which rule applies depends on the listener only, but Azure requires a priority for each: 1 to 20000.
HTTPS_PRIORITY, HTTP_PRIORITY = 100, 10_000

CERTIFICATE = "endpoints"
FRONTEND = "public"
POOL = "web"
SETTINGS = "web"
PROBE = "web"


@dataclass(frozen=True)
class EndpointsProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    identity_id: pulumi.Output[str]
    certificate_uri: pulumi.Output[str]
    may_read_certificate: pulumi.Resource
    """The gateway's right to read its certificate: without it Azure refuses the gateway."""


class Endpoints(Component):
    """Declares public address, firewall policy and gateway; ``address`` is what the endpoints' names resolve to."""

    def __init__(self, name: str, props: EndpointsProps) -> None:
        super().__init__(name)
        self._props = props
        deployment = props.deployment
        public = public_address(self, deployment, props.resource_group, "gateway")
        self.address = public.ip_address
        policy = self._declare_firewall_policy()
        azure.ApplicationGateway(
            deployment.names.application_gateway,
            application_gateway_name=deployment.names.application_gateway,
            resource_group_name=props.resource_group,
            location=deployment.location,
            zones=ALL_ZONES,
            sku=azure.ApplicationGatewaySkuArgs(
                name=azure.ApplicationGatewaySkuName.WA_F_V2, tier=azure.ApplicationGatewayTier.WA_F_V2
            ),
            autoscale_configuration=azure.ApplicationGatewayAutoscaleConfigurationArgs(
                min_capacity=INSTANCES[0], max_capacity=INSTANCES[1]
            ),
            enable_http2=True,
            firewall_policy=azure.SubResourceArgs(id=policy.id),
            identity=azure.ManagedServiceIdentityArgs(
                type=azure.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[props.identity_id]
            ),
            gateway_ip_configurations=[
                azure.ApplicationGatewayIPConfigurationArgs(
                    name="gateway", subnet=azure.SubResourceArgs(id=props.subnet_id)
                )
            ],
            frontend_ip_configurations=[
                azure.ApplicationGatewayFrontendIPConfigurationArgs(
                    name=FRONTEND, public_ip_address=azure.SubResourceArgs(id=public.id)
                )
            ],
            frontend_ports=[
                azure.ApplicationGatewayFrontendPortArgs(name=f"port-{port}", port=port) for port in (HTTP, HTTPS)
            ],
            ssl_certificates=[
                azure.ApplicationGatewaySslCertificateArgs(name=CERTIFICATE, key_vault_secret_id=props.certificate_uri)
            ],
            ssl_policy=azure.ApplicationGatewaySslPolicyArgs(
                policy_type=azure.ApplicationGatewaySslPolicyType.PREDEFINED,
                # TLS 1.2 and 1.3, forward secrecy, no CBC.
                policy_name=azure.ApplicationGatewaySslPolicyName.APP_GW_SSL_POLICY20220101_S,
            ),
            backend_address_pools=[self._backend_pool()],
            backend_http_settings_collection=[_backend_settings()],
            probes=[self._probe()],
            http_listeners=[
                listener
                for name, endpoint in sorted(deployment.topology.endpoints.items())
                for listener in _listeners(name, endpoint)
            ],
            redirect_configurations=[
                azure.ApplicationGatewayRedirectConfigurationArgs(
                    name=name,
                    redirect_type=azure.ApplicationGatewayRedirectType.PERMANENT,
                    target_listener=_self("httpListeners", _https(name)),
                    include_path=True,
                    include_query_string=True,
                )
                for name in sorted(deployment.topology.endpoints)
            ],
            request_routing_rules=list(_routing_rules(sorted(deployment.topology.endpoints))),
            tags=deployment.tags,
            opts=self.below(depends_on=[props.may_read_certificate]),
        )
        self.register_outputs({})

    def _declare_firewall_policy(self) -> azure.WebApplicationFirewallPolicy:
        deployment = self._props.deployment
        return azure.WebApplicationFirewallPolicy(
            deployment.names.firewall_policy,
            policy_name=deployment.names.firewall_policy,
            resource_group_name=self._props.resource_group,
            location=deployment.location,
            policy_settings=azure.PolicySettingsArgs(
                state=azure.WebApplicationFirewallEnabledState.ENABLED,
                mode=azure.WebApplicationFirewallMode.PREVENTION,
                request_body_check=True,
                # A device that was offline for days sends its entire queue in one request.
                max_request_body_size_in_kb=2000,
                request_body_inspect_limit_in_kb=2000,
                file_upload_limit_in_mb=100,
            ),
            managed_rules=azure.ManagedRulesDefinitionArgs(
                managed_rule_sets=[
                    azure.ManagedRuleSetArgs(rule_set_type="Microsoft_DefaultRuleSet", rule_set_version="2.1"),
                    azure.ManagedRuleSetArgs(rule_set_type="Microsoft_BotManagerRuleSet", rule_set_version="1.1"),
                ]
            ),
            tags=deployment.tags,
            opts=self.below(),
        )

    def _backend_pool(self) -> azure.ApplicationGatewayBackendAddressPoolArgs:
        hosts = self._props.deployment.topology.hosts_of("web").values()
        return azure.ApplicationGatewayBackendAddressPoolArgs(
            name=POOL,
            backend_addresses=[
                azure.ApplicationGatewayBackendAddressArgs(ip_address=str(host.address)) for host in hosts
            ],
        )

    def _probe(self) -> azure.ApplicationGatewayProbeArgs:
        return azure.ApplicationGatewayProbeArgs(
            name=PROBE,
            protocol=azure.ApplicationGatewayProtocol.HTTP,
            host=f"web.{self._props.deployment.topology.internal_domain}",
            path=WEB_HEALTH_PATH,
            interval=PROBE_INTERVAL,
            timeout=PROBE_TIMEOUT,
            unhealthy_threshold=PROBE_FAILURES,
            match=azure.ApplicationGatewayProbeHealthResponseMatchArgs(status_codes=["200"]),
        )


def _backend_settings() -> azure.ApplicationGatewayBackendHttpSettingsArgs:
    return azure.ApplicationGatewayBackendHttpSettingsArgs(
        name=SETTINGS,
        protocol=azure.ApplicationGatewayProtocol.HTTP,
        port=HTTP,
        cookie_based_affinity=azure.ApplicationGatewayCookieBasedAffinity.DISABLED,
        # The web hosts choose the site by the host name that the device asked for.
        pick_host_name_from_backend_address=False,
        request_timeout=REQUEST_TIMEOUT,
        connection_draining=azure.ApplicationGatewayConnectionDrainingArgs(
            enabled=True, drain_timeout_in_sec=DRAIN_TIMEOUT
        ),
        probe=_self("probes", PROBE),
    )


def _listeners(name: str, endpoint: EndpointSpec) -> Iterator[azure.ApplicationGatewayHttpListenerArgs]:
    yield azure.ApplicationGatewayHttpListenerArgs(
        name=_https(name),
        protocol=azure.ApplicationGatewayProtocol.HTTPS,
        frontend_ip_configuration=_self("frontendIPConfigurations", FRONTEND),
        frontend_port=_self("frontendPorts", f"port-{HTTPS}"),
        host_name=endpoint.host_name,
        require_server_name_indication=True,
        ssl_certificate=_self("sslCertificates", CERTIFICATE),
    )
    yield azure.ApplicationGatewayHttpListenerArgs(
        name=_http(name),
        protocol=azure.ApplicationGatewayProtocol.HTTP,
        frontend_ip_configuration=_self("frontendIPConfigurations", FRONTEND),
        frontend_port=_self("frontendPorts", f"port-{HTTP}"),
        host_name=endpoint.host_name,
    )


def _routing_rules(names: list[str]) -> Iterator[azure.ApplicationGatewayRequestRoutingRuleArgs]:
    for number, name in enumerate(names):
        yield azure.ApplicationGatewayRequestRoutingRuleArgs(
            name=_https(name),
            rule_type=azure.ApplicationGatewayRequestRoutingRuleType.BASIC,
            priority=HTTPS_PRIORITY + number,
            http_listener=_self("httpListeners", _https(name)),
            backend_address_pool=_self("backendAddressPools", POOL),
            backend_http_settings=_self("backendHttpSettingsCollection", SETTINGS),
        )
        yield azure.ApplicationGatewayRequestRoutingRuleArgs(
            name=_http(name),
            rule_type=azure.ApplicationGatewayRequestRoutingRuleType.BASIC,
            priority=HTTP_PRIORITY + number,
            http_listener=_self("httpListeners", _http(name)),
            redirect_configuration=_self("redirectConfigurations", name),
        )


def _https(name: str) -> str:
    return f"https-{name}"


def _http(name: str) -> str:
    return f"http-{name}"


def _self(kind: str, name: str) -> azure.SubResourceArgs:
    """A part of the same gateway: the provider replaces ``$self`` with the gateway's id."""
    return azure.SubResourceArgs(id=f"$self/{kind}/{name}")
