"""The delivery service: what the scanner let into ``clean`` goes on to the file host's share, and is proven there.

``python3 -m transfer_scanner.delivery SETTINGS`` runs next to the scanner with the right to read ``clean`` and nothing
else, and one account that may use one share. A file is uploaded under a working name, read back and compared, and only
then renamed to its own: whoever looks into the share sees whole files only. A rename never takes another file's place.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from .courier import Courier
from .delivery_settings import read
from .records import Status
from .share import Share

INTERVAL = 2.0
"""Seconds between passes, at least; and at least as long as a pass took."""


def main() -> None:
    settings = read(Path(sys.argv[1]))
    for number in (signal.SIGTERM, signal.SIGINT):
        # In the middle of a file as well: what is there of it is gone on with at the next start.
        signal.signal(number, lambda *_: sys.exit(0))
    share = Share(settings.server, settings.share, settings.credentials, settings.scratch)
    try:
        status = Status(settings.status)
        status.update(waiting=0, oldest_waiting_seconds=0.0, refused=0, blocked=None, delivered_since_start=0)
        courier = Courier(settings, share, lambda line: print(line, flush=True), status.beat)
        print(f"Watching {settings.clean}.", flush=True)
        delivered, pause, blocked = 0, INTERVAL, None
        while True:
            begun = time.monotonic()
            tally = courier.pass_once()
            delivered += tally.delivered
            if tally.blocked != blocked:
                blocked = tally.blocked
                print(f"Nothing is delivered: {blocked}" if blocked else "Files are delivered again.", flush=True)
            status.update(
                waiting=tally.waiting,
                oldest_waiting_seconds=round(tally.oldest, 1),
                refused=tally.refused,
                blocked=tally.blocked,
                delivered_since_start=delivered,
            )
            # The share that is away is asked less and less often.
            pause = min(pause * 2, settings.retry, 30.0) if blocked else INTERVAL
            time.sleep(max(pause, time.monotonic() - begun))
    finally:
        share.close()


if __name__ == "__main__":
    main()
