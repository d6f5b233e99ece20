"""The stack's outputs: the inventory, made from the topology and what Azure returned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from infra.components.application_gateway import Endpoints
from infra.components.deployment import Deployment
from infra.components.secret_access import purposes_of, secret_name
from infra.components.vault import Credentials, Vault
from infra.components.way_in import WayIn as DeclaredWayIn
from infra.inventory.model import Endpoint, Flow, Host, Inventory, SecretReference, Transfer, VantagePoint, WayIn
from infra.inventory.staleness import digests
from infra.stack.flows import prefixes_of
from infra.stack.topology import Topology


@dataclass(frozen=True)
class ExportProps:
    deployment: Deployment
    credentials: Credentials
    vault: Vault
    endpoints: Endpoints
    way_in: DeclaredWayIn


def export(props: ExportProps) -> None:
    """Export ``inventory``, which `hosts/` and `verify/` read, and the two addresses that people need.

    The inventory holds no secret, but is exported as one all the same: its hundreds of lines, shown with every change,
    would bury what changed, and the map of a landscape does not belong in a log. `fab infra.inventory` shows it.
    """
    pulumi.export("inventory", pulumi.Output.secret(inventory_output(props)))
    pulumi.export("endpoint_address", props.endpoints.address)
    pulumi.export("jump_address", props.way_in.jump_address)


def inventory_output(props: ExportProps) -> pulumi.Output[dict[str, Any]]:
    """The inventory, once all values in it are known. Nothing secret goes into it."""
    topology, credentials = props.deployment.topology, props.credentials
    answers: dict[str, Any] = {
        "host_keys": {host: key.public_key for host, key in credentials.host_keys.items()},
        "certificates": {host: certificate.certificate for host, certificate in credentials.certificates.items()},
        "versions": {
            host: {purpose: props.vault.version_of(purpose, host) for purpose in purposes_of(topology, host)}
            for host in topology.hosts
        },
        "authority": credentials.authority.certificate,
        "vault_uri": props.vault.uri,
        "gateway_address": props.endpoints.address,
        "jump_address": props.way_in.jump_address,
        "transfer_address": props.way_in.transfer_address,
    }
    return pulumi.Output.from_input(answers).apply(lambda known: _inventory(props.deployment, known))


def _inventory(deployment: Deployment, known: dict[str, Any]) -> dict[str, Any]:
    topology = deployment.topology
    inventory = Inventory(
        stack=deployment.stack,
        landscape=topology.landscape,
        internal_domain=topology.internal_domain,
        address_space=topology.network.address_space,
        subnets=topology.network.subnets,
        hosts={name: _host(topology, name, known) for name in topology.hosts},
        endpoints={
            name: Endpoint(name=name, address=known["gateway_address"], **endpoint.model_dump())
            for name, endpoint in topology.endpoints.items()
        },
        flows=resolved_flows(topology),
        way_in=WayIn(
            user=topology.administrator.user,
            jump_host=topology.jump_host,
            jump_address=known["jump_address"],
            jump_port=22,
            transfer_address=known["transfer_address"],
            **topology.way_in.model_dump(),
        ),
        vantage_points={place: VantagePoint(**point.model_dump()) for place, point in topology.vantage_points.items()},
        vault_uri=known["vault_uri"],
        trusted_authorities=deployment.files.authorities(),
        internal_authority=known["authority"],
        packages=deployment.files.packages(),
        components=topology.components,
        time_sources=topology.time_sources,
        transfer=_transfer(deployment),
        alerts=topology.alerts,
        declared=digests(topology),
    )
    return inventory.model_dump(mode="json")


def _host(topology: Topology, name: str, known: dict[str, Any]) -> Host:
    wanted = topology.hosts[name]
    return Host(
        name=name,
        role=wanted.role,
        also=list(wanted.also),
        zone=wanted.zone,
        address=wanted.address,
        fqdn=f"{name}.{topology.internal_domain}",
        size=wanted.size,
        host_keys=[known["host_keys"][name]],
        data_disk_gb=wanted.data_disk_gb,
        certificate=known["certificates"].get(name),
        secrets={
            purpose: SecretReference(name=secret_name(purpose, name), version=version)
            for purpose, version in known["versions"][name].items()
        },
    )


def resolved_flows(topology: Topology) -> list[Flow]:
    """The table of flows, with the addresses of their parties."""
    return [
        Flow(
            name=name,
            source=flow.source,
            destination=flow.destination,
            protocol=flow.protocol,
            ports=flow.ports,
            source_prefixes=prefixes_of(topology, flow.source),
            destination_prefixes=prefixes_of(topology, flow.destination),
        )
        for name, flow in sorted(topology.flows.items())
    ]


def _transfer(deployment: Deployment) -> Transfer | None:
    wanted = deployment.topology.transfer
    if wanted is None:
        return None
    return Transfer(
        user=wanted.old_hoster.user,
        public_keys=deployment.files.old_hoster_keys(),
        signatures=deployment.files.signatures(),
        signature_source=wanted.signatures.source,
        oldest_signatures_hours=wanted.signatures.oldest_hours,
        largest_file_mb=wanted.largest_file_mb,
        patience_seconds=wanted.patience_seconds,
    )
