"""Requests one after the other: `load.py ADDRESS HOST AUTHORITY`. SIGTERM ends it after twenty more.

Prints a line after the first twenty and, at the end, as JSON how often each status, or failure, was the answer.
"""

from __future__ import annotations

import collections
import http.client
import json
import signal
import socket
import ssl
import sys

BEFORE = AFTER = 20


def ask(address: str, host: str, context: ssl.SSLContext) -> str:
    try:
        connection = http.client.HTTPSConnection(host, timeout=300)
        raw = socket.create_connection((address, 443), timeout=300)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
        connection.request("GET", "/load")
        status = connection.getresponse().status
        connection.close()
    except OSError as error:
        return repr(error)
    return str(status)


def main() -> None:
    address, host, authority = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    answers: collections.Counter[str] = collections.Counter()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    for _ in range(BEFORE):
        answers[ask(address, host, context)] += 1
    print("under way", flush=True)
    while not signal.sigtimedwait([signal.SIGTERM], 0):
        answers[ask(address, host, context)] += 1
    for _ in range(AFTER):
        answers[ask(address, host, context)] += 1
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
