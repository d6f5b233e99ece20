"""The scanner as its unit runs it: a process that ends when it is asked to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict

import pytest

from console.waiting import wait_until
from tests.hosts.services.scanner.drop import Drop
from toolchain.folders import PROJECT

HANG_SECONDS = 300.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_in_good_order_when_it_is_asked_to(drop: Drop, number: signal.Signals) -> None:
    settings = drop.settings.folder / "settings.json"
    settings.write_text(json.dumps(asdict(drop.settings), default=str))
    with subprocess.Popen(
        [sys.executable, "-m", "hosts.services.scanner", str(settings)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert wait_until(drop.settings.status.exists, HANG_SECONDS), "it reports no status"
        process.send_signal(number)
        assert process.wait(HANG_SECONDS) == 0
        assert process.stdout is not None
        assert f"Watching {drop.settings.incoming}." in process.stdout.read()
