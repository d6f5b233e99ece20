"""Names, ports and paths that more than one room uses."""

from __future__ import annotations

GATEWAY = "gateway"
"""The subnet of the application gateway, the only one that belongs to no role."""

WEB_HEALTH_PATH = "/web-health"
"""Where a web host itself answers the gateway's probes, whatever becomes of the sites behind it."""

DATA_DISK = "/dev/disk/azure/scsi1/lun0"
"""Azure's own name of a host's data disk."""


def data_disk(lun: int) -> str:
    """The stable path of the disk at a logical unit number."""
    return f"/dev/disk/azure/scsi1/lun{lun}"


INCOMING_SHARE = "incoming"
"""The file host's share to which the transfer host delivers what came from the old hoster."""
