"""Probe: what anyone on the Internet sees of mobile sites, all looked at concurrently.

Orders: a list of ``{"name", "host_name", "health_path", "sync_path", "record": uuid, "attack": path}``.
Answer: for each by name, an object with these parts, each an object with what was seen or with ``error``:

- ``dns``: ``addresses``, ``ttl`` in seconds, ``resolver``;
- ``tls``: ``version``, ``expires`` (seconds since 1970), ``names`` (DNS names of the certificate), ``issuer``;
  chain and name are verified with this place's trust store;
- ``old_tls``: ``version`` if TLS 1.1 or older was accepted, else ``error`` with the refusal;
- ``redirect``, ``health``, ``attack``: ``status``, ``location``, ``body``;
- ``sync``: the two answers to the same record posted twice.
"""

import http.client
import json
import random
import socket
import ssl
import struct
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

SECONDS = 8
DNS_PORT = 53
BODY = 600
NOTHING_SINCE = 1 << 62
"""A sequence number that no record has yet: so the site returns no one's data."""
TRUSTED = ssl.create_default_context()
"""The authorities that this place trusts, loaded once, as they are many."""


def resolver() -> str:
    with open("/etc/resolv.conf") as file:
        for line in file:
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                return words[1]
    raise OSError("/etc/resolv.conf names no resolver")


def skip_name(packet: bytes, at: int) -> int:
    while packet[at]:
        if packet[at] & 0xC0:
            return at + 2
        at += packet[at] + 1
    return at + 1


def dns(host_name: str) -> dict:  # type: ignore[type-arg]
    server = resolver()
    number = random.randrange(65536)
    labels = b"".join(bytes([len(label)]) + label.encode("idna") for label in host_name.split("."))
    query = struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(SECONDS)
        client.connect((server, DNS_PORT))
        client.send(query)
        answer = client.recv(4096)
    if struct.unpack(">H", answer[:2])[0] != number:
        raise OSError(f"{server} answered another question")
    code = answer[3] & 0x0F
    if code:
        raise OSError(f"{server} says {({2: 'SERVFAIL', 3: 'NXDOMAIN', 5: 'REFUSED'}).get(code, code)}")
    at = skip_name(answer, 12) + 4
    addresses, ttls = [], []
    for _ in range(struct.unpack(">H", answer[6:8])[0]):
        at = skip_name(answer, at)
        kind, _, ttl, length = struct.unpack(">HHIH", answer[at : at + 10])
        at += 10
        if kind == 1:
            addresses.append(socket.inet_ntoa(answer[at : at + 4]))
        ttls.append(ttl)
        at += length
    return {"addresses": sorted(addresses), "ttl": max(ttls, default=0), "resolver": server}


def tls(host_name: str) -> dict:  # type: ignore[type-arg]
    with (
        socket.create_connection((host_name, 443), timeout=SECONDS) as plain,
        TRUSTED.wrap_socket(plain, server_hostname=host_name) as secure,
    ):
        certificate = secure.getpeercert() or {}
        return {
            "version": secure.version(),
            "expires": ssl.cert_time_to_seconds(str(certificate["notAfter"])),
            "names": [entry[1] for entry in certificate.get("subjectAltName", ()) if entry[0] == "DNS"],
            "issuer": ", ".join("=".join(map(str, pair)) for part in certificate.get("issuer", ()) for pair in part),
        }


def old_tls(host_name: str) -> dict:  # type: ignore[type-arg]
    """Offer TLS 1.0 and 1.1 only, with every cipher, so that a refusal is the server's and not ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection((host_name, 443), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host_name) as secure,
    ):
        return {"version": secure.version()}


def ask(host_name: str, path: str, *, secure: bool = True, body: object = None) -> dict:  # type: ignore[type-arg]
    connection: http.client.HTTPConnection
    if secure:
        connection = http.client.HTTPSConnection(host_name, timeout=SECONDS, context=TRUSTED)
    else:
        connection = http.client.HTTPConnection(host_name, timeout=SECONDS)
    headers = {"User-Agent": "livegang-readiness", "Accept": "application/json"}
    try:
        if body is None:
            connection.request("GET", path, headers=headers)
        else:
            connection.request("POST", path, json.dumps(body), headers | {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read(65536).decode("utf-8", "replace")
        return {"status": answer.status, "location": answer.getheader("Location"), "body": text[:BODY], "whole": text}
    finally:
        connection.close()


def sync(host_name: str, path: str, record: str) -> dict:  # type: ignore[type-arg]
    """Post one record twice. Other records are neither asked for nor kept."""
    records = [{"id": record, "data": {"readiness": True}}]
    request = {"device": "livegang-readiness", "records": records, "since": NOTHING_SINCE}
    answers = [ask(host_name, path, body=request) for _ in range(2)]
    for answer in answers:
        whole = answer.pop("whole")
        if answer["status"] != 200:
            continue
        answer["body"] = ""
        try:
            found = json.loads(whole)
            answer |= {"accepted": found["accepted"], "duplicates": found["duplicates"]}
        except (ValueError, TypeError, KeyError):
            answer |= {"accepted": None, "duplicates": None}
    return {"first": answers[0], "second": answers[1]}


def seen(function, *arguments, **options) -> dict:  # type: ignore[no-untyped-def, type-arg]
    started = time.monotonic()
    try:
        answer = function(*arguments, **options)
    except (OSError, http.client.HTTPException, ssl.SSLError, KeyError, IndexError) as error:
        answer = {"error": getattr(error, "verify_message", "") or str(error) or type(error).__name__}
    answer.pop("whole", None)
    return dict(answer, seconds=round(time.monotonic() - started, 3))


def look(site: dict) -> dict:  # type: ignore[type-arg]
    name = site["host_name"]
    return {
        "dns": seen(dns, name),
        "tls": seen(tls, name),
        "old_tls": seen(old_tls, name),
        "redirect": seen(ask, name, site["health_path"], secure=False),
        "health": seen(ask, name, site["health_path"]),
        "attack": seen(ask, name, site["attack"]),
        "sync": seen(sync, name, site["sync_path"], site["record"]),
    }


def main() -> None:
    requests = json.loads(sys.argv[1])
    with ThreadPoolExecutor(max_workers=max(1, len(requests))) as pool:
        answers = list(pool.map(look, requests))
    print(json.dumps({request["name"]: answer for request, answer in zip(requests, answers)}))  # noqa: B905


if __name__ == "__main__":
    main()
