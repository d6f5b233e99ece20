"""Public and private DNS zones with their records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import ClassVar

from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure
from rehearsal.provider.types.base import GROUP, SUCCEEDED, ResourceType, guid, items, within
from rehearsal.provider.values import Properties, look

_PROPERTY_OF = {
    "A": "aRecords",
    "AAAA": "aaaaRecords",
    "CAA": "caaRecords",
    "CNAME": "cnameRecord",
    "MX": "mxRecords",
    "NS": "nsRecords",
    "PTR": "ptrRecords",
    "SRV": "srvRecords",
    "TXT": "txtRecords",
}
"""Which property holds the records of a type."""

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"


def zone_name_refused(inputs: Properties, parameter: str) -> Iterator[Failure]:
    name = inputs.get(parameter)
    if isinstance(name, str) and (len(name) > 253 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})+", name)):
        yield Failure(
            parameter, f"{name!r} is no zone's name (InvalidZoneName): two labels at least, no dot at its end"
        )


class Zone(ResourceType):
    token = "azure-native:dns:Zone"
    path = GROUP + "/providers/Microsoft.Network/dnsZones/{zoneName}"
    arm_type = "Microsoft.Network/dnszones"
    replacing = frozenset({"location"})
    global_location = True
    real = "Served on the rehearsal's Internet side."
    not_modelled = "Delegation from the parent zone, DNSSEC."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from zone_name_refused(inputs, "zoneName")

    def complete(self, identifier: str, body: Properties) -> Properties:
        domains = ("com", "net", "org", "info")
        return {
            "nameServers": [f"ns{n}-01.azure-dns.{domain}." for n, domain in enumerate(domains, 1)],
            "zoneType": "Public",
            "maxNumberOfRecordSets": 10000,
            **body,
        }


class PrivateZone(ResourceType):
    token = "azure-native:privatedns:PrivateZone"
    path = GROUP + "/providers/Microsoft.Network/privateDnsZones/{privateZoneName}"
    arm_type = "Microsoft.Network/privateDnsZones"
    replacing = frozenset({"location"})
    global_location = True
    real = "Served by the resolver at 168.63.129.16 inside the virtual network."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        yield from zone_name_refused(inputs, "privateZoneName")

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {**SUCCEEDED, "internalId": guid(identifier, "internal"), "maxNumberOfRecordSets": 25000, **body}


class VirtualNetworkLink(ResourceType):
    token = "azure-native:privatedns:VirtualNetworkLink"
    path = (
        GROUP + "/providers/Microsoft.Network/privateDnsZones/{privateZoneName}"
        "/virtualNetworkLinks/{virtualNetworkLinkName}"
    )
    arm_type = "Microsoft.Network/privateDnsZones/virtualNetworkLinks"
    replacing = frozenset({"location"})
    global_location = True
    real = "The zone is answered in the linked network."
    not_modelled = "Registration of machines' names by themselves."

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        if look(inputs, "virtualNetwork.id") is None:
            yield Failure("virtualNetwork.id", "missing required property")
        if inputs.get("registrationEnabled") is None:
            yield Failure("registrationEnabled", "missing required property (BadRequest)")

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {**SUCCEEDED, "virtualNetworkLinkState": "Completed", "resolutionPolicy": "Default", **body}


class _Records(ResourceType):
    naming = "copy"
    zone_parameter: ClassVar[str]

    def validate(self, identifier: str | None, inputs: Properties, checked: KnownResources) -> Iterator[Failure]:
        kind, name = inputs.get("recordType"), inputs.get("relativeRecordSetName")
        if isinstance(kind, str):
            yield from self._records_refused(kind, inputs)
        if isinstance(name, str) and name != "@" and not re.fullmatch(rf"(\*|{_LABEL})(\.{_LABEL})*", name):
            yield Failure(
                "relativeRecordSetName", f"{name!r} is no relative name (InvalidRecordSetName); @ is the zone's own"
            )
        if kind == "CNAME" and name == "@":
            yield Failure("recordType", "the zone's own name cannot have a CNAME (BadRequest)")
        if inputs.get("ttl") is None:
            yield Failure("ttl", "missing required property (BadRequest)")
        yield from within(inputs.get("ttl"), 1, 2147483647, "ttl")

    def _records_refused(self, kind: str, inputs: Properties) -> Iterator[Failure]:
        wanted = _PROPERTY_OF.get(kind)
        if wanted is None:
            yield Failure("recordType", f"{kind!r} is none of {', '.join(_PROPERTY_OF)}")
            return
        if not inputs.get(wanted) and inputs.get("targetResource") is None:
            yield Failure(wanted, f"missing: a record set of type {kind} has it (BadRequest)")
        for other in _PROPERTY_OF.values():
            if other != wanted and inputs.get(other):
                yield Failure(other, f"does not belong to a record set of type {kind} (BadRequest)")
        for index, record in items(inputs.get("aRecords")):
            address = record.get("ipv4Address")
            if isinstance(address, str):
                try:
                    IPv4Address(address)
                except ValueError:
                    yield Failure(f"aRecords[{index}].ipv4Address", f"{address!r} is no IPv4 address (BadRequest)")

    def outputs(self, identifier: str, inputs: Properties) -> Properties:
        values = self.path_values(identifier)
        zone, name = values[self.zone_parameter], values["relativeRecordSetName"]
        full_name = f"{zone}." if name == "@" else f"{name}.{zone}."
        kind = f"{self.arm_type}/{values['recordType']}"
        return {**super().outputs(identifier, inputs), "name": name, "type": kind, "fqdn": full_name}


class RecordSet(_Records):
    token = "azure-native:dns:RecordSet"
    path = GROUP + "/providers/Microsoft.Network/dnsZones/{zoneName}/{recordType}/{relativeRecordSetName}"
    arm_type = "Microsoft.Network/dnszones"
    zone_parameter = "zoneName"
    real = "Answered on the rehearsal's Internet side, with its TTL."
    not_modelled = "Alias records (targetResource)."

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {**SUCCEEDED, **body}


class PrivateRecordSet(_Records):
    token = "azure-native:privatedns:PrivateRecordSet"
    path = GROUP + "/providers/Microsoft.Network/privateDnsZones/{privateZoneName}/{recordType}/{relativeRecordSetName}"
    arm_type = "Microsoft.Network/privateDnsZones"
    zone_parameter = "privateZoneName"
    real = "Answered by the resolver inside the virtual network."

    def complete(self, identifier: str, body: Properties) -> Properties:
        return {"isAutoRegistered": False, **body}


TYPES = (Zone(), RecordSet(), PrivateZone(), PrivateRecordSet(), VirtualNetworkLink())
