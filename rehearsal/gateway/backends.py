"""Parsing of probes, backend pools and backend settings: where requests are forwarded to."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from rehearsal.gateway.model import DEFAULT_PROBE, BackendSettings, Probe
from rehearsal.gateway.reader import HOST, NAME, PATH, STATUSES, Reader


def probe(reader: Reader, path: str, item: dict[str, Any]) -> Probe:
    picks = item.get("pickHostNameFromBackendHttpSettings") or False
    host = reader.text(f"{path}.host", item["host"], HOST) if item.get("host") else None
    if bool(host) == picks:
        reader.wrong(path, "needs either host or pickHostNameFromBackendHttpSettings, and not both")
    interval = reader.number(path, item, "interval", 30, 1, 86400)
    timeout = reader.number(path, item, "timeout", 30, 1, 86400)
    if timeout > interval:
        reader.wrong(f"{path}.timeout", f"{timeout} s is longer than the interval of {interval} s")
    match = item.get("match") or {}
    statuses = match.get("statusCodes") or DEFAULT_PROBE.statuses
    body = match.get("body") or None
    if body and (len(body) > 4090 or not body.isprintable()):
        reader.wrong(f"{path}.match.body", "has more than 4,090 characters, or unprintable ones")
    return Probe(
        name=item["name"],
        protocol=reader.protocol(path, item),
        host=host,
        path=reader.text(f"{path}.path", item.get("path"), PATH),
        port=reader.number(path, item, "port", 0, 1, 65535) or None,
        interval=interval,
        timeout=timeout,
        threshold=reader.number(path, item, "unhealthyThreshold", 3, 1, 20),
        statuses=tuple(reader.text(f"{path}.match.statusCodes", status, STATUSES) for status in statuses),
        body=body,
    )


def trusted_root(reader: Reader, path: str, item: dict[str, Any]) -> str:
    try:
        content = base64.b64decode(item.get("data") or "", validate=True)
    except binascii.Error:
        content = b""
    if not content:
        reader.wrong(f"{path}.data", "is not a certificate in base64 (nothing else is made real)")
    text = content.decode("ascii", "replace")
    if "BEGIN CERTIFICATE" in text:
        return text
    return f"-----BEGIN CERTIFICATE-----\n{base64.encodebytes(content).decode()}-----END CERTIFICATE-----\n"


def settings(
    reader: Reader, path: str, item: dict[str, Any], probes: dict[str, Probe], roots: dict[str, str]
) -> BackendSettings:
    protocol = reader.protocol(path, item)
    chosen = DEFAULT_PROBE
    if item.get("probe"):
        chosen = reader.refer(f"{path}.probe", item["probe"], "probes", probes) or DEFAULT_PROBE
    host = reader.text(f"{path}.hostName", item["hostName"], HOST) if item.get("hostName") else None
    host_of_server = bool(item.get("pickHostNameFromBackendAddress"))
    if host and host_of_server:
        reader.wrong(path, "has both hostName and pickHostNameFromBackendAddress")
    if chosen.host is None and not host and not host_of_server:
        reader.wrong(f"{path}.probe", f"probe {chosen.name} picks its host name from settings that set none")
    if item.get("path"):
        reader.wrong(f"{path}.path", "is not made real by the rehearsal's gateway")
    draining = item.get("connectionDraining") or {}
    drain = None
    if draining.get("enabled"):
        drain = reader.number(f"{path}.connectionDraining", draining, "drainTimeoutInSec", 60, 1, 3600)
    trusted = [
        str(reference.get("id")).rsplit("/", 1)[-1]
        for reference in item.get("trustedRootCertificates") or []
        if reader.refer(f"{path}.trustedRootCertificates", reference, "trustedRootCertificates", roots)
    ]
    cookie = None
    if item.get("cookieBasedAffinity") == "Enabled":
        name = item.get("affinityCookieName") or "ApplicationGatewayAffinity"
        cookie = reader.text(f"{path}.affinityCookieName", name, NAME)
    return BackendSettings(
        name=item["name"],
        protocol=protocol,
        port=reader.number(path, item, "port", 443 if protocol == "https" else 80, 1, 65535),
        timeout=reader.number(path, item, "requestTimeout", 30, 1, 86400),
        drain=drain,
        probe=chosen,
        host=host,
        host_of_server=host_of_server,
        affinity_cookie=cookie,
        trusted_roots=tuple(trusted),
    )


def servers(reader: Reader, path: str, item: dict[str, Any]) -> tuple[str, ...]:
    addresses = []
    for index, address in enumerate(item.get("backendAddresses") or []):
        given = address.get("ipAddress") or address.get("fqdn")
        if given:
            addresses.append(reader.text(f"{path}.backendAddresses[{index}]", given, HOST))
        else:
            reader.wrong(f"{path}.backendAddresses[{index}]", "has neither ipAddress nor fqdn")
    return tuple(addresses)
