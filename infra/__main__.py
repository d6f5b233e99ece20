"""The Pulumi program, as a table of contents. Each part is a file of its own in `infra/components/`."""

import pulumi_azure_native.resources as resources

from infra.components.application_gateway import Endpoints, EndpointsProps
from infra.components.component import set_options_for_all
from infra.components.deployment import of_this_stack
from infra.components.machines import Machine, MachineProps
from infra.components.network import Network, NetworkProps
from infra.components.vault import Credentials, CredentialsProps, Vault, VaultProps
from infra.components.way_in import WayIn, WayInProps
from infra.components.zones import PrivateNames, PrivateNamesProps, PublicNames, PublicNamesProps
from infra.inventory.export import ExportProps, export
from landscape.names import GATEWAY

deployment = of_this_stack()
topology = deployment.topology
set_options_for_all()

group = resources.ResourceGroup(
    deployment.names.resource_group,
    resource_group_name=deployment.names.resource_group,
    location=deployment.location,
    tags=deployment.tags,
)

# Who may talk to whom.
network = Network("network", NetworkProps(deployment, group.name))
way_in = WayIn("way-in", WayInProps(deployment, group.name))

# What is secret, and who may read it.
credentials = Credentials("credentials", CredentialsProps(deployment))
vault = Vault("vault", VaultProps(deployment, group.name, credentials))

# The hosts.
for name, host in topology.hosts.items():
    Machine(
        name,
        MachineProps(
            deployment=deployment,
            resource_group=group.name,
            host=host,
            subnet_id=network.subnet_ids[host.role],
            identity_id=vault.identities[name].id,
            host_key=credentials.host_keys[name],
            inbound_nat_rule_id=way_in.rules.get(name),
        ),
    )

# The mobile sites.
endpoints = Endpoints(
    "endpoints",
    EndpointsProps(
        deployment=deployment,
        resource_group=group.name,
        subnet_id=network.subnet_ids[GATEWAY],
        identity_id=vault.identities[GATEWAY].id,
        certificate_uri=vault.gateway_certificate_uri,
        may_read_certificate=vault.gateway_may_read,
    ),
)

# Names.
PublicNames("public-names", PublicNamesProps(deployment, group.name, endpoints.address))
PrivateNames("private-names", PrivateNamesProps(deployment, group.name, network.virtual_network.id))

export(ExportProps(deployment, credentials, vault, endpoints, way_in))
