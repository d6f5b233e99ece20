"""Record sets in their three forms: ARM's properties, lines of a zone file, and a server's answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from rehearsal.base.handler import HandlerError, Properties


@dataclass(frozen=True)
class Form:
    """How ARM's properties represent one record type."""

    property: str
    """The property with the records."""
    single: bool
    """Whether that is one record, not a list (CNAME)."""
    to_text: Callable[[dict[str, Any]], str]
    """From a record's properties to its data in a zone file."""
    from_data: Callable[[Any], dict[str, Any]]
    """From dnspython's data to a record's properties."""


def _absolute(name: str) -> str:
    """A name as Azure reads it: absolute, with or without the dot at its end."""
    return name if name.endswith(".") else f"{name}."


def _relative(name: object) -> str:
    return str(name).rstrip(".")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


FORMS: dict[str, Form] = {
    "A": Form("aRecords", False, lambda r: r["ipv4Address"], lambda d: {"ipv4Address": d.address}),
    "AAAA": Form("aaaaRecords", False, lambda r: r["ipv6Address"], lambda d: {"ipv6Address": d.address}),
    "CNAME": Form("cnameRecord", True, lambda r: _absolute(r["cname"]), lambda d: {"cname": _relative(d.target)}),
    "NS": Form("nsRecords", False, lambda r: _absolute(r["nsdname"]), lambda d: {"nsdname": _relative(d.target)}),
    "PTR": Form("ptrRecords", False, lambda r: _absolute(r["ptrdname"]), lambda d: {"ptrdname": _relative(d.target)}),
    "MX": Form(
        "mxRecords",
        False,
        lambda r: f"{int(r['preference'])} {_absolute(r['exchange'])}",
        lambda d: {"preference": d.preference, "exchange": _relative(d.exchange)},
    ),
    "SRV": Form(
        "srvRecords",
        False,
        lambda r: f"{int(r['priority'])} {int(r['weight'])} {int(r['port'])} {_absolute(r['target'])}",
        lambda d: {"priority": d.priority, "weight": d.weight, "port": d.port, "target": _relative(d.target)},
    ),
    "TXT": Form(
        "txtRecords",
        False,
        lambda r: " ".join(_quoted(part) for part in r["value"]),
        lambda d: {"value": [part.decode() for part in d.strings]},
    ),
    "CAA": Form(
        "caaRecords",
        False,
        lambda r: f"{int(r['flags'])} {r['tag']} {_quoted(r['value'])}",
        lambda d: {"flags": d.flags, "tag": d.tag.decode(), "value": d.value.decode()},
    ),
}
"""The record types that are served, by name."""


@dataclass(frozen=True)
class RecordSet:
    """All records of one name and type."""

    name: str
    """Relative to the zone; ``@`` is the zone itself."""
    type: str
    ttl: int
    """Seconds."""
    data: tuple[str, ...]
    """Each record's data in presentation format, normalised and sorted."""

    def lines(self) -> Iterator[str]:
        """The set in a zone file."""
        return (f"{self.name} {self.ttl} IN {self.type} {data}" for data in self.data)


def from_properties(where: str, name: str, type: str, properties: Properties) -> RecordSet:
    """The record set in ARM's properties; ``where`` names the resource in errors."""
    form = FORMS.get(type)
    if form is None:
        raise HandlerError(f"{where}: record type {type} is not served here; served are {', '.join(FORMS)}.")
    given = properties.get(form.property)
    records = [given] if form.single and given else list(given or [])
    if not records:
        raise HandlerError(f"{where}: a record set of type {type} needs {form.property}.")
    ttl = properties.get("ttl")
    if ttl is None:
        raise HandlerError(f"{where}: ttl is missing.")
    try:
        data = {_normal(type, form.to_text(record)) for record in records}
    except (KeyError, TypeError, ValueError, dns.exception.DNSException) as error:
        raise HandlerError(f"{where}: {form.property} contains a record that is no {type} record: {error}.") from error
    return RecordSet(name.lower(), type, int(ttl), tuple(sorted(data)))


def from_answer(name: str, answer: dns.rrset.RRset) -> RecordSet:
    """The record set in a server's answer."""
    kind = dns.rdatatype.to_text(answer.rdtype)
    return RecordSet(name.lower(), kind, answer.ttl, tuple(sorted(data.to_text() for data in answer)))


def difference(wanted: RecordSet, seen: RecordSet) -> Properties:
    """In what ``seen`` differs from ``wanted``, as ARM's properties; empty if in nothing."""
    observed: Properties = {}
    if seen.ttl != wanted.ttl:
        observed["ttl"] = seen.ttl
    if seen.data != wanted.data:
        form = FORMS[wanted.type]
        records = [form.from_data(_parsed(seen.type, data)) for data in seen.data]
        observed[form.property] = records[0] if form.single else records
    return observed


def _parsed(type: str, text: str) -> Any:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(type), text)


def _normal(type: str, text: str) -> str:
    normal: str = _parsed(type, text).to_text()
    return normal
