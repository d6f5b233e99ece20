"""Running a probe at a host or vantage point."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any


def run_probe(host: Any, probe: ModuleType, orders: object, sudo: bool = False) -> Any:
    """Run a probe module with these orders on a testinfra host, as root with ``sudo``; returns its answer.

    Raises AssertionError with the probe's output if it fails, e.g. because the place has no python3.
    """
    source = Path(str(probe.__file__)).read_text()
    result = host.run(("sudo -n " if sudo else "") + "python3 -c %s %s", source, json.dumps(orders))
    assert result.rc == 0, (
        f"{probe.__name__.rpartition('.')[2]}, a probe, failed there: {result.stderr.strip() or result.stdout.strip()}"
    )
    return json.loads(result.stdout)
