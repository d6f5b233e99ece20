"""Requests at a steady pace, one endpoint after the other: `steady_load.py PER_SECOND URL…`. SIGTERM ends it.

For a vantage point: only the standard library. Each request is a connection of its own, begun in its turn whatever
became of those before it. Prints as JSON how many were sent, and of those that failed when (seconds after the begin),
which, and why.
"""

from __future__ import annotations

import json
import signal
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import cycle

PATIENCE = 30.0
"""Seconds."""


def ask(url: str) -> str:
    """Why it failed; empty when it did not."""
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        return f"status {error.code}"
    except OSError as error:
        return str(error)
    return ""


def main() -> None:
    pace, urls = float(sys.argv[1]), cycle(sys.argv[2:])
    # Not a handler that sets an Event: it would wait for itself if the signal came while the Event's lock is held.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    print("begun", flush=True)
    began = time.monotonic()
    sent: list[tuple[float, str, Future[str]]] = []
    with ThreadPoolExecutor(100) as pool:
        while not signal.sigtimedwait([signal.SIGTERM], max(0.0, began + len(sent) / pace - time.monotonic())):
            url = next(urls)
            sent.append((time.monotonic() - began, url, pool.submit(ask, url)))
    failed = [[round(at, 1), url, reason] for at, url, answer in sent if (reason := answer.result())]
    print(json.dumps({"sent": len(sent), "seconds": round(time.monotonic() - began, 1), "failed": failed}), flush=True)


if __name__ == "__main__":
    main()
