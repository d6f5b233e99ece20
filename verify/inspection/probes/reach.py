"""Probe: which addresses and ports answer from here, all tried concurrently.

Orders: a list of ``{"address": str, "port": int, "protocol": "tcp"|"udp", "seconds": float}``.
Answer: for each, in order, ``{"outcome": str, "seconds": float}``; outcome is one of

- ``connected``: a TCP connection was made, or a UDP service answered;
- ``refused``: the host answered that nothing listens there;
- ``timeout``: nothing came back;
- anything else: the operating system's reason, e.g. that there is no route.
"""

import json
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

NTP_REQUEST = b"\x23" + 47 * b"\0"
DNS_REQUEST = struct.pack(">HHHHHH", 0x4C47, 0x0100, 1, 0, 0, 0) + b"\0" + struct.pack(">HH", 2, 1)
DATAGRAMS = {123: NTP_REQUEST, 53: DNS_REQUEST}


def try_tcp(address: str, port: int, seconds: float) -> str:
    with socket.create_connection((address, port), timeout=seconds):
        return "connected"


def try_udp(address: str, port: int, seconds: float) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.connect((address, port))
        client.send(DATAGRAMS.get(port, b"\0"))
        client.recv(2048)
        return "connected"


def attempt(request: dict) -> dict:  # type: ignore[type-arg]
    started = time.monotonic()
    trial = {"tcp": try_tcp, "udp": try_udp}[request["protocol"]]
    try:
        outcome = trial(request["address"], request["port"], request["seconds"])
    except TimeoutError:
        outcome = "timeout"
    except ConnectionRefusedError:
        outcome = "refused"
    except OSError as error:
        outcome = (error.strerror or str(error)).lower()
    return {"outcome": outcome, "seconds": round(time.monotonic() - started, 3)}


def main() -> None:
    requests = json.loads(sys.argv[1])
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        print(json.dumps(list(pool.map(attempt, requests))))


if __name__ == "__main__":
    main()
