"""Role assignments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import ResourceType
from rehearsal.provider.values import UNKNOWN, Properties

_GUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_ROLE = rf"(/subscriptions/[^/]+)?/providers/Microsoft\.Authorization/roleDefinitions/{_GUID}"


class RoleAssignment(ResourceType):
    token = "azure-native:authorization:RoleAssignment"
    path = "/{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}"
    arm_type = "Microsoft.Authorization/roleAssignments"
    naming = "uuid"
    replacing = frozenset({"principalId", "scope"})
    real = "Decides which identity the Key Vault lets read which secret."
    not_modelled = "Roles at other scopes than a vault and its secrets have no effect; conditions neither."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        name, principal = inputs.get("roleAssignmentName"), inputs.get("principalId")
        role = inputs.get("roleDefinitionId")
        if isinstance(name, str) and not re.fullmatch(_GUID, name):
            yield Failure("roleAssignmentName", f"{name!r} is not a GUID (InvalidRoleAssignmentId)")
        if isinstance(principal, str) and not re.fullmatch(_GUID, principal):
            yield Failure("principalId", f"{principal!r} is not a GUID (InvalidPrincipalId)")
        if isinstance(role, str) and not re.fullmatch(_ROLE, role, re.IGNORECASE):
            yield Failure(
                "roleDefinitionId",
                f"{role!r} is not a role definition's id: /subscriptions/…/providers/Microsoft.Authorization"
                "/roleDefinitions/GUID (InvalidRoleDefinitionId)",
            )
        who = ("scope", "principalId", "roleDefinitionId")
        wanted = [inputs.get(part) for part in who]
        if UNKNOWN in wanted or identifier is None:
            return
        for other, assigned in checked.others(self.token, identifier).items():
            if [assigned.get(part) for part in who] == wanted:
                yield Failure("", f"{other} assigns this role to this principal already (RoleAssignmentExists, 409)")

    def complete(self, identifier: str, body: Properties) -> Properties:
        scope = "/" + identifier.split("/providers/Microsoft.Authorization/roleAssignments/")[0].strip("/")
        return {"scope": scope, "principalType": "User", **body}


TYPES = (RoleAssignment(),)
