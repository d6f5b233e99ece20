"""The outcome of a run as JSON, beside what is shown: `.livegang/<stack>/plan.json` and `converge.json`."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hosts.fleet.fleet import Outcome
from toolchain.folders import PROJECT


def write(outcome: Outcome, folder: Path | None = None) -> Path:
    """Write it whole or not at all; returns the file. It holds no secret: the agent sends none."""
    folder = folder or PROJECT / ".livegang" / outcome.stack
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
        "hosts": {report.host: asdict(report) for report in outcome.reports},
    }
    beside = file.with_suffix(".json.new")
    beside.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    beside.replace(file)
    return file
