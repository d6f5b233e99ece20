"""Taking away what readiness runs dropped on a transfer host, those that were killed too."""

from __future__ import annotations

from typing import Any

from verify.inspection.gathering import batch

FORGOTTEN_MINUTES = 30
"""After so long, what a readiness run dropped is of one that was killed."""


def remove(host: Any, root: str, folder: str) -> None:
    """Take away all that became of a folder dropped below ``root``, and what a run left that was killed."""
    ours = "livegang-(readiness|proof)-"
    old = f"-mmin +{FORGOTTEN_MINUTES}"
    # Not in clean: what a sender calls record.json is no record.
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
