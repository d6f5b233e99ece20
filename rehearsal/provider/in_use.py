"""What Azure refuses to delete because another resource uses it."""

from __future__ import annotations

from rehearsal.provider.ledger import Entry

_NETWORK = "azure-native:network"
_MACHINE = "azure-native:compute:VirtualMachine"

_USERS: dict[str, tuple[tuple[str, ...], str]] = {
    f"{_NETWORK}:Subnet": (
        (f"{_NETWORK}:NetworkInterface", f"{_NETWORK}:ApplicationGateway", f"{_NETWORK}:LoadBalancer"),
        "InUseSubnetCannotBeDeleted",
    ),
    f"{_NETWORK}:NetworkSecurityGroup": (
        (f"{_NETWORK}:Subnet", f"{_NETWORK}:NetworkInterface"),
        "InUseNetworkSecurityGroupCannotBeDeleted",
    ),
    f"{_NETWORK}:PublicIPAddress": (
        tuple(
            f"{_NETWORK}:{name}" for name in ("NatGateway", "LoadBalancer", "ApplicationGateway", "NetworkInterface")
        ),
        "PublicIPAddressCannotBeDeleted",
    ),
    f"{_NETWORK}:NatGateway": ((f"{_NETWORK}:Subnet",), "the code is not verified"),
    f"{_NETWORK}:NetworkInterface": ((_MACHINE,), "NicInUse"),
    "azure-native:compute:Disk": ((_MACHINE,), "OperationNotAllowed, the code is not verified"),
}
"""By type: which types' references keep it from being deleted, and ARM's error code."""


def refusal_to_delete(token: str, identifier: str, users: list[Entry]) -> str | None:
    """Why ARM would refuse to delete a resource that ``users`` refer to; None if it would not."""
    holding, code = _USERS.get(token, ((), ""))
    found = sorted(entry.identifier for entry in users if entry.type in holding)
    if not found:
        return None
    return f"Azure does not delete {identifier} while it is used by {', '.join(found)} ({code})."
