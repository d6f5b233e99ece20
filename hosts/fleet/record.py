"""The outcome of a run as JSON, in addition to what is shown: `.livegang/<stack>/plan.json` and `converge.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hosts.fleet.fleet import Outcome
from hosts.fleet.session import Report
from toolchain.files import write_atomically
from toolchain.folders import output_folder


def write(outcome: Outcome, folder: Path | None = None) -> Path:
    """Write it in one step; returns the file. It holds no secret: the agent sends none."""
    folder = folder or output_folder(outcome.stack)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{outcome.mode}.json"
    document = {
        "stack": outcome.stack,
        "mode": outcome.mode,
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 2),
        "interrupted": outcome.interrupted is not None,
        "pending": outcome.pending,
        "failed": [report.host for report in outcome.reports if report.failed],
        "hosts": {report.host: _encoded(report) for report in outcome.reports},
    }
    write_atomically(file, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode(), mode=0o644)
    return file


def _encoded(report: Report) -> dict[str, Any]:
    return asdict(report) | {"results": [result.encode() for result in report.results]}
