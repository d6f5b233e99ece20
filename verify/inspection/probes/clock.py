"""Probe: the offset between an NTP server's time and the clock of the host that asks.

Orders: ``{"address": str, "port": int, "seconds": float}``.
Answer: ``{"offset": float, "leap": int, "stratum": int}``, the offset in seconds, positive if the server is ahead;
or ``{"error": str}``.
"""

import json
import socket
import struct
import sys
import time

EPOCH = 2208988800
"""Seconds from 1900, the beginning of NTP's time, to 1970."""
PACKET = struct.Struct(">BBBb11I")


def seconds(whole: int, fraction: int) -> float:
    return whole - EPOCH + fraction / 2**32


def ask(address: str, port: int, patience: float) -> dict:  # type: ignore[type-arg]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        client.connect((address, port))
        sent = time.time()
        # Version 4, as a client, with our time, which the server returns: so an answer to someone else is recognized.
        own = (int(sent) + EPOCH, int(sent % 1 * 2**32))
        client.send(PACKET.pack(0x23, 0, 0, 0, *([0] * 9), *own))
        answer = client.recv(1024)
        arrived = time.time()
    fields = PACKET.unpack_from(answer)
    if fields[9:11] != own:
        return {"error": "an answer to another question"}
    theirs = (seconds(*fields[11:13]) + seconds(*fields[13:15])) / 2
    return {"offset": round(theirs - (sent + arrived) / 2, 6), "leap": fields[0] >> 6, "stratum": fields[1]}


def main() -> None:
    request = json.loads(sys.argv[1])
    try:
        answer = ask(request["address"], request["port"], request["seconds"])
    except (OSError, struct.error) as error:
        answer = {"error": str(error) or type(error).__name__}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
