"""Removing what readiness runs dropped on a transfer host, including runs that were killed."""

from __future__ import annotations

from typing import Any

from verify.inspection.gathering import batch

FORGOTTEN_MINUTES = 30
"""Files that a readiness run dropped longer ago than this are left over from one that was killed."""


def remove(host: Any, root: str, folder: str) -> None:
    """Remove everything that became of a folder dropped below ``root``, and what killed runs left behind."""
    ours = "livegang-(readiness|proof)-"
    old = f"-mmin +{FORGOTTEN_MINUTES}"
    # Not in clean: a sender's file may be called record.json too.
    records = (
        f"grep -rlsF --include=record.json {folder}/ infected unclear manifests; "
        f'find infected unclear manifests -name record.json {old} -exec grep -lE \'"path": "{ours}\' {{}} +'
    )
    folders = f"find clean drop/incoming -mindepth 1 -maxdepth 1 -regextype egrep -regex '.*/{ours}.*' {old}"
    batch(
        host,
        {
            "aside": f'cd {root} && {{ {records}; }} | while read -r file; do rm -rf -- "$(dirname "$file")"; done',
            "folders": f"cd {root} && rm -rf clean/{folder} drop/incoming/{folder} && {folders} -exec rm -rf {{}} +",
        },
    )
