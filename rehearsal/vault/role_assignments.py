"""Who may do what in a vault: the recorded assignments of Azure's built-in roles."""

from __future__ import annotations

from typing import Any

from rehearsal.base.records import Records

GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
READ_METADATA = "Microsoft.KeyVault/vaults/secrets/readMetadata/action"

_ALL = frozenset({GET_SECRET, READ_METADATA})

DATA_ACTIONS = {
    "4633458b-17de-408a-b874-0445c86b69e6": _ALL,  # Key Vault Secrets User
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": _ALL,  # Key Vault Secrets Officer
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": _ALL,  # Key Vault Administrator
    "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba": _ALL,  # Key Vault Certificate User
    "21090545-7ca7-4776-b22c-e363652d74d2": frozenset({READ_METADATA}),  # Key Vault Reader
}
"""What each built-in role permits to do with secrets, by the GUID of its definition; any other role permits nothing.
Owner and Contributor are not here: they permit to manage the vault, not to read what is in it."""

_PERMISSIONS = {GET_SECRET: "get", READ_METADATA: "list"}
"""What these actions are called in a vault's access policies."""


def allowed(records: Records, vault: dict[str, Any], principal: str, action: str, scope: str) -> bool:
    """Whether the principal may do ``action`` at ``scope``, the ARM id of the vault or of a secret in it.

    ``vault`` are the vault's recorded properties: without ``enableRbacAuthorization`` its access policies count
    instead of role assignments.
    """
    properties = vault.get("properties", {})
    if properties.get("enableRbacAuthorization"):
        return _by_role(records, principal, action, scope)
    return _by_policy(properties.get("accessPolicies") or [], principal, action)


def within(scope: str, assigned: str) -> bool:
    """Whether a role that was assigned at ``assigned`` counts at ``scope``: the same resource, or one below it."""
    below, above = scope.lower().rstrip("/") + "/", assigned.lower().rstrip("/") + "/"
    return below.startswith(above)


def _by_role(records: Records, principal: str, action: str, scope: str) -> bool:
    for record in records.of_type("authorization:RoleAssignment"):
        given = record.properties
        if str(given.get("principalId", "")).lower() != principal.lower():
            continue
        definition = str(given.get("roleDefinitionId", "")).rsplit("/", 1)[-1].lower()
        if action in DATA_ACTIONS.get(definition, ()) and within(scope, str(given.get("scope", ""))):
            return True
    return False


def _by_policy(policies: list[dict[str, Any]], principal: str, action: str) -> bool:
    for policy in policies:
        if str(policy.get("objectId", "")).lower() == principal.lower():
            granted = {str(word).lower() for word in policy.get("permissions", {}).get("secrets") or []}
            if granted & {_PERMISSIONS[action], "all"}:
                return True
    return False
