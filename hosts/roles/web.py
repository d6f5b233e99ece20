"""The web hosts: nginx in front of the application hosts, one site for each mobile endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from console import ExpectedError
from hosts.roles import apt
from hosts.roles.context import Context
from hosts.states import State, Unit
from infra.inventory.model import Endpoint, Host
from landscape.names import WEB_HEALTH_PATH


@dataclass(frozen=True)
class Site:
    """One endpoint and where it is served."""

    endpoint: Endpoint
    port: int
    application_hosts: list[Host]


def sites(context: Context) -> list[Site]:
    """Every endpoint with the component of its name. Raises ExpectedError where there is none."""
    ports = {component.name: component.port for component in context.components}
    if missing := [name for name in context.inventory.endpoints if name not in ports]:
        raise ExpectedError(
            f"Endpoint {missing[0]} has no component manifest of its name in {context.inventory.components.manifests}.",
            hint=f"Write {missing[0]}.yaml there after the one of another component.",
        )
    hosts = context.inventory.hosts_of("application")
    return [Site(endpoint, ports[name], hosts) for name, endpoint in context.inventory.endpoints.items()]


def states(context: Context) -> list[State]:
    """nginx with the sites; what an application host does not answer goes to the next."""
    package = apt.packages(context, "nginx")[0]
    configuration = context.template(
        "/etc/nginx/nginx.conf",
        "web/nginx.conf.j2",
        needs=(package.identity,),
        sites=sites(context),
        health_path=WEB_HEALTH_PATH,
        gateway=context.inventory.subnets["gateway"],
    )
    service = Unit(
        unit="nginx.service",
        reload_on=(configuration.identity,),
        check=("/usr/sbin/nginx", "-t", "-q"),
        port=80,
        needs=(package.identity,),
    )
    return [package, configuration, service]
