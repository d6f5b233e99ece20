"""Names and paths that more than one package uses."""

from __future__ import annotations

GATEWAY = "gateway"
"""The subnet of the application gateway, the only one that belongs to no role."""

WEB_HEALTH_PATH = "/web-health"
"""Where a web host itself answers the gateway's probes, whatever becomes of the sites behind it."""


def data_disk(lun: int) -> str:
    """Azure's own stable path of the disk at a logical unit number."""
    return f"/dev/disk/azure/scsi1/lun{lun}"


DATA_DISK_LUN = 0
DATA_DISK = data_disk(DATA_DISK_LUN)

DATABASE_MOUNT = "/data"
"""Where a database host mounts its data disk."""
FILES_MOUNT = "/srv/files"
"""Where a file host mounts its data disk."""
DOCUMENTS = f"{FILES_MOUNT}/documents"
"""The folders of the shares."""
BACKUPS = f"{FILES_MOUNT}/backups"
"""The repository of the databases' backups."""

INCOMING_SHARE = "incoming"
"""The file host's share to which the transfer host delivers what came from the old hoster."""

TRANSFER_FOLDER = "/srv/transfer"
"""The drop on the transfer host, and the folders that its files pass through."""
SCANNER = "transfer-scanner"
"""The service that scans dropped files; also its user."""
DELIVERY = "transfer-delivery"
"""The service that delivers clean files to the file host; also its user."""


def status_file(service: str) -> str:
    """Where a service of the transfer host reports its state, every few seconds."""
    return f"/run/{service}/status.json"


def files_log(service: str) -> str:
    """Where a service of the transfer host logs what became of each file."""
    return f"/var/log/{service}/files.log"


ALERT_LOG = "livegang-alert-log"
"""The service on the management host that logs alerts."""
ALERTS = f"/var/lib/{ALERT_LOG}/alerts.jsonl"

METRIC_FILES = "/var/lib/prometheus/node-exporter"
"""Debian's own folder for metrics that a host writes itself: ``NAME.prom``, put there in one move."""
