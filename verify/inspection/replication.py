"""Whether a standby follows its primary, from what both say of it."""

from __future__ import annotations

from verify.inspection.gathering import Outputs

LARGEST_LAG = 16 * 1024 * 1024
"""Bytes of write-ahead log, one segment: more than that is lost work if the primary goes now."""


def caught_up(found: Outputs) -> bool:
    """Whether replication, as one database host sees it, is as it should be.

    ``recovery``: whether it is a standby; ``receiver``: of a standby, what it receives; ``clients``: of a primary, a
    line a standby with name, address, state, TLS version and bytes behind.
    """
    if found.quietly("recovery") == "t":
        return found.quietly("receiver").startswith("streaming")
    clients = [line.split() for line in found.quietly("clients").splitlines()]
    behind = [int(client[4]) for client in clients if len(client) == 5 and client[2] == "streaming"]
    return bool(behind) and all(lag < LARGEST_LAG for lag in behind)
