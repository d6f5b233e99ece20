"""``python3 -m transfer_scanner SETTINGS``: runs until it is stopped."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from .clamd import Clamd
from .intake import Intake
from .records import Status
from .settings import read

INTERVAL = 1.0
"""Seconds between passes."""
ENDING = (signal.SIGTERM, signal.SIGINT)


def report(line: str) -> None:
    """A line for the journal."""
    print(line, flush=True)


def main() -> None:
    settings = read(Path(sys.argv[1]))
    # Received between passes only, so that none is broken off. A handler that sets an Event could wait for itself.
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    status = Status(settings.status)
    status.update(waiting=0, oldest_waiting_seconds=0.0, blocked=None, judged_since_start={})
    intake = Intake(settings, Clamd(settings.clamd), report, status.beat)
    intake.recover()
    report(f"Watching {settings.incoming}.")
    judged: dict[str, int] = {}
    blocked: str | None = None
    while True:
        tally = intake.pass_once()
        if tally.blocked != blocked:
            blocked = tally.blocked
            report(f"Nothing is judged: {blocked}" if blocked else "Files are judged again.")
        for verdict, count in tally.judged.items():
            judged[verdict] = judged.get(verdict, 0) + count
        status.update(
            waiting=tally.waiting,
            oldest_waiting_seconds=round(tally.oldest, 1),
            blocked=tally.blocked,
            judged_since_start=judged,
        )
        if signal.sigtimedwait(ENDING, INTERVAL):
            return


if __name__ == "__main__":
    main()
