"""Parties that are no role: those at the ends of a stack's flows, and the vantage points that reach is tried from."""

from __future__ import annotations

from typing import Final, Literal, get_args

ANY_HOST: Final = "any-host"
"""Every host, whatever its role."""
INTERNET: Final = "internet"
KEY_VAULT: Final = "key-vault"
AZURE_PLATFORM: Final = "azure-platform"
OPERATOR: Final = "operator"
"""Whoever runs the move, from the networks that the stack names; also a vantage point there."""
OLD_HOSTER: Final = "old-hoster"
"""Whoever sends the files of before, from the networks that the stack names; also a vantage point there."""
OUTSIDE: Final = "outside"
"""A vantage point anywhere on the Internet."""

VantagePointName = Literal["outside", "operator", "old-hoster"]
VANTAGE_POINTS: tuple[VantagePointName, ...] = get_args(VantagePointName)
