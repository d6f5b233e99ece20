"""Whether a standby follows its primary, according to both of them."""

from __future__ import annotations

from verify.inspection.gathering import Outputs

LARGEST_LAG = 16 * 1024 * 1024
"""Bytes of write-ahead log, one segment: as much work may be lost if the primary is lost now."""


def caught_up(found: Outputs) -> bool:
    """Whether replication is up to date, as one database host sees it.

    Outputs: ``recovery``, whether it is a standby; ``receiver``, a standby's receiver; ``clients``, a primary's
    standbys, a line each with name, address, state, TLS version and bytes behind.
    """
    if found.peek("recovery") == "t":
        return found.peek("receiver").startswith("streaming")
    clients = [line.split() for line in found.peek("clients").splitlines()]
    behind = [int(client[4]) for client in clients if len(client) == 5 and client[2] == "streaming"]
    return bool(behind) and all(lag < LARGEST_LAG for lag in behind)
