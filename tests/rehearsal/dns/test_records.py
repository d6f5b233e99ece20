"""Record sets: read from ARM's properties, written to zone files, compared with answers."""

from __future__ import annotations

from typing import Any

import dns.rrset
import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.dns.handlers import Names, names_of
from rehearsal.dns.records import difference, from_answer, from_properties
from rehearsal.dns.server import Zone

SETS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("A", {"aRecords": [{"ipv4Address": "198.51.100.7"}]}, ["www 60 IN A 198.51.100.7"]),
    (
        "A",
        {"aRecords": [{"ipv4Address": "198.51.100.9"}, {"ipv4Address": "198.51.100.7"}]},
        ["www 60 IN A 198.51.100.7", "www 60 IN A 198.51.100.9"],
    ),
    ("AAAA", {"aaaaRecords": [{"ipv6Address": "2001:DB8::1"}]}, ["www 60 IN AAAA 2001:db8::1"]),
    ("CNAME", {"cnameRecord": {"cname": "other.example"}}, ["www 60 IN CNAME other.example."]),
    ("MX", {"mxRecords": [{"preference": 10, "exchange": "mx.example."}]}, ["www 60 IN MX 10 mx.example."]),
    ("NS", {"nsRecords": [{"nsdname": "ns1.example"}]}, ["www 60 IN NS ns1.example."]),
    ("PTR", {"ptrRecords": [{"ptrdname": "db01.example"}]}, ["www 60 IN PTR db01.example."]),
    (
        "SRV",
        {"srvRecords": [{"priority": 1, "weight": 2, "port": 5432, "target": "db01.example"}]},
        ["www 60 IN SRV 1 2 5432 db01.example."],
    ),
    ("TXT", {"txtRecords": [{"value": ["a", 'say "b"']}]}, [r'www 60 IN TXT "a" "say \"b\""']),
    (
        "CAA",
        {"caaRecords": [{"flags": 0, "tag": "issue", "value": "ca.example"}]},
        ['www 60 IN CAA 0 issue "ca.example"'],
    ),
]


@pytest.mark.parametrize(("type", "properties", "lines"), SETS)
def test_properties_become_lines_of_a_zone_file(type: str, properties: dict[str, Any], lines: list[str]) -> None:
    assert list(from_properties("x", "WWW", type, {"ttl": 60, **properties}).lines()) == lines


@pytest.mark.parametrize(("type", "properties", "lines"), SETS)
def test_an_equal_answer_is_no_difference_and_another_ttl_is_reported_as_arms_property(
    type: str, properties: dict[str, Any], lines: list[str]
) -> None:
    wanted = from_properties("x", "www", type, {"ttl": 60, **properties})
    answer = dns.rrset.from_text_list("www.example.", 60, "IN", type, [line.split(" ", 4)[4] for line in lines])
    assert difference(wanted, from_answer("www", answer)) == {}
    answer.update_ttl(30)
    assert difference(wanted, from_answer("www", answer)) == {"ttl": 30}


def test_another_address_is_reported_as_arms_property() -> None:
    wanted = from_properties("x", "www", "A", {"ttl": 60, "aRecords": [{"ipv4Address": "198.51.100.7"}]})
    answer = dns.rrset.from_text("www.example.", 60, "IN", "A", "198.51.100.8")
    assert difference(wanted, from_answer("www", answer)) == {"aRecords": [{"ipv4Address": "198.51.100.8"}]}


@pytest.mark.parametrize(
    ("type", "properties", "reason"),
    [
        ("A", {"ttl": 60}, "needs aRecords"),
        ("A", {"aRecords": [{"ipv4Address": "198.51.100.7"}]}, "ttl is missing"),
        ("A", {"ttl": 60, "aRecords": [{"ipv4Address": "nonsense"}]}, "no A record"),
        ("A", {"ttl": 60, "aRecords": [{}]}, "no A record"),
        ("NAPTR", {"ttl": 60}, "not served here"),
    ],
)
def test_what_is_no_record_set_is_refused(type: str, properties: dict[str, Any], reason: str) -> None:
    with pytest.raises(HandlerError, match=reason):
        from_properties("x", "www", type, properties)


def test_zone_type_and_name_are_in_the_id() -> None:
    provider = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network"
    assert names_of(f"{provider}/dnsZones/Mobil.example") == Names("mobil.example")
    assert names_of(f"{provider}/dnsZones/mobil.example/A/Kita") == Names("mobil.example", "A", "kita")
    assert names_of(f"{provider}/privateDnsZones/v.internal/a/db01") == Names("v.internal", "A", "db01")
    with pytest.raises(HandlerError, match="is not the id"):
        names_of(provider)


def test_a_zone_file_has_its_own_records_and_a_growing_serial() -> None:
    zone = Zone("mobil.example")
    first = zone.render()
    assert "$ORIGIN mobil.example.\n" in first
    before = zone.serial
    zone.render()
    assert zone.serial > before
    assert Zone(".").full_name("@") == "."
    assert zone.full_name("kita") == "kita.mobil.example."
