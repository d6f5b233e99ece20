"""Types of single values in the topology; errors say what is wrong with a value."""

from __future__ import annotations

import base64
import binascii
import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from landscape.roles import ROLES

RESERVED_IN_SUBNET = 4
"""How many addresses Azure reserves at the beginning of every subnet; it also reserves the last one."""


def _network(value: Any) -> Any:
    """An IPv4 network. The commonest slip, host bits that are set, is explained with the network that was meant."""
    if not isinstance(value, str):
        raise ValueError("not text in CIDR notation")
    try:
        return IPv4Network(value)
    except ValueError as error:
        try:
            meant = IPv4Network(value, strict=False)
        except ValueError:
            raise ValueError(f"not an IPv4 network: {error}") from None
        raise ValueError(f"it has host bits set; the network is {meant}") from None


def _public_key(value: str) -> str:
    """Check the form of an SSH public key: type, base64, and that the base64 holds a key of that type."""
    parts = value.split()
    known = ("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384")
    if len(parts) < 2 or parts[0] not in known:
        raise ValueError(f"it does not begin with a key type ({', '.join(known)})")
    try:
        blob = base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        raise ValueError("its second part is not base64: was it cut off or wrapped?") from None
    length = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + length] != parts[0].encode():
        raise ValueError(f"its base64 does not hold a key of type {parts[0]}")
    if parts[0] == "ssh-ed25519" and len(blob) != 51:
        raise ValueError(f"an ed25519 key has 51 bytes, this one {len(blob)}: was it cut off?")
    return " ".join(parts)


def public_key_problem(value: str) -> str | None:
    """Why ``value`` is not an SSH public key; None if it is one."""
    try:
        _public_key(value)
    except ValueError as error:
        return str(error)
    return None


def _unique(ports: list[int]) -> list[int]:
    duplicates = sorted({port for port in ports if ports.count(port) > 1})
    if duplicates:
        raise ValueError(f"duplicate ports: {', '.join(map(str, duplicates))}")
    return sorted(ports)


def _absolute(path: str) -> str:
    if not re.fullmatch(r"/[\w./-]*", path):
        raise ValueError("not an absolute path without query")
    return path


Network = Annotated[IPv4Network, BeforeValidator(_network)]
PublicKey = Annotated[str, AfterValidator(_public_key)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Ports = Annotated[list[Port], Field(min_length=1), AfterValidator(_unique)]
HttpPath = Annotated[str, AfterValidator(_absolute)]

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
"""Of a host or an endpoint: also a DNS label and part of the names of Azure resources."""
FlowName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
LandscapeName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{1,11}$")]
"""Part of resource names; short, since the name of a key vault may have no more than 24 characters."""
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
DomainName = Annotated[str, StringConstraints(max_length=253, pattern=rf"^{_LABEL}(\.{_LABEL})+$")]
UserName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Zone = Literal["1", "2", "3"]
Size = Annotated[str, StringConstraints(pattern=r"^Standard_[A-Z][A-Za-z0-9_-]+$")]


def _role(value: str) -> str:
    if value not in ROLES:
        raise ValueError(f"not one of {', '.join(ROLES)}")
    return value


RoleName = Annotated[str, AfterValidator(_role)]
