"""Requests one after the other: `load.py ADDRESS HOST AUTHORITY SECONDS`; prints failures and requests as JSON."""

from __future__ import annotations

import collections
import http.client
import json
import socket
import ssl
import sys
import time


def ask(address: str, host: str, context: ssl.SSLContext) -> str:
    try:
        connection = http.client.HTTPSConnection(host, timeout=10)
        raw = socket.create_connection((address, 443), timeout=10)
        connection.sock = context.wrap_socket(raw, server_hostname=host)
        connection.request("GET", "/load")
        status = connection.getresponse().status
        connection.close()
    except OSError as error:
        return repr(error)
    return str(status)


def main() -> None:
    address, host, authority, seconds = sys.argv[1:]
    context = ssl.create_default_context(cafile=authority)
    deadline = time.monotonic() + float(seconds)
    answers: collections.Counter[str] = collections.Counter()
    while time.monotonic() < deadline:
        answers[ask(address, host, context)] += 1
    print(json.dumps(answers), flush=True)


if __name__ == "__main__":
    main()
