"""Key Vault and who may read what: an identity per host and for the gateway, each with its own secrets only."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native.authorization as authorization
import pulumi_azure_native.keyvault as azure
import pulumi_azure_native.managedidentity as managedidentity

from infra.components import secret_access
from infra.components.component import Component
from infra.components.credentials import Authority, HostCertificate, HostKey, Password
from infra.components.deployment import Deployment
from landscape import secrets
from landscape.names import GATEWAY
from landscape.roles import ROLES

SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""Azure's built-in role Key Vault Secrets User: reads the content of secrets."""

RETENTION_DAYS_PROTECTED = 90
RETENTION_DAYS = 7
"""How long Azure keeps the secrets of a deleted vault, and refuses to use its name again."""


@dataclass(frozen=True)
class CredentialsProps:
    deployment: Deployment


class Credentials(Component):
    """All secrets that are generated rather than given."""

    def __init__(self, name: str, props: CredentialsProps) -> None:
        super().__init__(name)
        topology = props.deployment.topology
        domain = topology.internal_domain
        self.passwords = {
            purpose: Password(secret_access.secret_name(purpose, host=""), self.below())
            for purpose in secret_access.passwords(topology)
        }
        self.host_keys = {
            host: HostKey(f"host-key-{host}", f"{host}.{domain}", self.below()) for host in topology.hosts
        }
        self.authority = Authority(
            "authority", f"{topology.landscape} internal authority ({props.deployment.stack})", self.below()
        )
        self.certificates = {
            name: HostCertificate(f"tls-{name}", f"{name}.{domain}", str(host.address), self.authority, self.below())
            for name, host in topology.hosts.items()
            if any(ROLES[role].serves_tls for role in host.roles)
        }
        self.register_outputs({})

    def value_of(self, purpose: str, host: str) -> pulumi.Output[str]:
        """The value of a host's secret, by purpose. A secret output."""
        if purpose == secrets.TLS_KEY.purpose:
            return pulumi.Output.secret(self.certificates[host].private_key)
        return pulumi.Output.secret(self.passwords[purpose].value)


@dataclass(frozen=True)
class VaultProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]
    credentials: Credentials


class Vault(Component):
    """Declares the identities, the vault, its secrets, and who may read each secret."""

    def __init__(self, name: str, props: VaultProps) -> None:
        super().__init__(name)
        self._props = props
        topology = props.deployment.topology
        self.identities = {owner: self._declare_identity(owner) for owner in (*topology.hosts, GATEWAY)}
        self.vault = self._declare_vault()
        self.uri = self.vault.properties.apply(lambda properties: properties.vault_uri or "")
        self._secrets: dict[str, azure.Secret] = {}
        for host in topology.hosts:
            for purpose in secret_access.purposes_of(topology, host):
                secret = self._secret(
                    secret_access.secret_name(purpose, host), props.credentials.value_of(purpose, host)
                )
                self._allow(host, secret, secret_access.secret_name(purpose, host))
        self.gateway_certificate = self._secret(
            secret_access.GATEWAY_CERTIFICATE,
            pulumi.Output.secret(props.deployment.files.pfx()),
            "application/x-pkcs12",
        )
        self.gateway_may_read = self._allow(GATEWAY, self.gateway_certificate, secret_access.GATEWAY_CERTIFICATE)
        self.register_outputs({})

    def version_of(self, purpose: str, host: str) -> pulumi.Output[str]:
        """The current version of a secret; not secret itself."""
        secret = self._secrets[secret_access.secret_name(purpose, host)]
        return pulumi.Output.unsecret(
            secret.properties.apply(lambda properties: properties.secret_uri_with_version.rpartition("/")[2])
        )

    @property
    def gateway_certificate_uri(self) -> pulumi.Output[str]:
        """Without a version, so that the gateway picks up a renewed certificate by itself within hours."""
        return pulumi.Output.unsecret(
            self.gateway_certificate.properties.apply(lambda properties: properties.secret_uri)
        )

    def _declare_identity(self, owner: str) -> managedidentity.UserAssignedIdentity:
        deployment = self._props.deployment
        return managedidentity.UserAssignedIdentity(
            deployment.names.identity(owner),
            resource_name_=deployment.names.identity(owner),
            resource_group_name=self._props.resource_group,
            location=deployment.location,
            tags=deployment.tags,
            opts=self.below(),
        )

    def _declare_vault(self) -> azure.Vault:
        deployment = self._props.deployment
        protect = deployment.topology.protect
        return azure.Vault(
            deployment.names.vault,
            vault_name=deployment.names.vault,
            resource_group_name=self._props.resource_group,
            location=deployment.location,
            properties=azure.VaultPropertiesArgs(
                tenant_id=self.identities[GATEWAY].tenant_id,
                sku=azure.SkuArgs(family=azure.SkuFamily.A, name=azure.SkuName.STANDARD),
                enable_rbac_authorization=True,
                soft_delete_retention_in_days=RETENTION_DAYS_PROTECTED if protect else RETENTION_DAYS,
                # Azure accepts true or nothing, never false; once on, it stays on.
                enable_purge_protection=True if protect else None,
                public_network_access="Enabled",
            ),
            tags=deployment.tags,
            opts=self.below(protect=protect),
        )

    def _secret(self, name: str, value: pulumi.Output[str], content_type: str = "text/plain") -> azure.Secret:
        if name not in self._secrets:
            self._secrets[name] = azure.Secret(
                name,
                secret_name=name,
                vault_name=self.vault.name,
                resource_group_name=self._props.resource_group,
                properties=azure.SecretPropertiesArgs(value=value, content_type=content_type),
                tags=self._props.deployment.tags,
                opts=self.below(),
            )
        return self._secrets[name]

    def _allow(self, reader: str, secret: azure.Secret, name: str) -> authorization.RoleAssignment:
        deployment = self._props.deployment
        return authorization.RoleAssignment(
            f"{reader}-reads-{name}",
            role_assignment_name=deployment.names.role_assignment(reader, name),
            # This one secret, not the vault: other hosts' secrets answer 403.
            scope=secret.id,
            principal_id=self.identities[reader].principal_id,
            # Without it Azure looks the identity up in its directory, where one this new is not found yet.
            principal_type=authorization.PrincipalType.SERVICE_PRINCIPAL,
            role_definition_id=(
                f"/subscriptions/{deployment.subscription}/providers/Microsoft.Authorization/roleDefinitions/{SECRETS_USER}"
            ),
            opts=self.below(),
        )
