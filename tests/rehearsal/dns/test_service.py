"""Names as hosts and strangers see them, from the real servers over the network."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal import dns
from rehearsal.base import settings
from rehearsal.base.handler import HandlerError
from rehearsal.dns.server import ask
from tests.rehearsal.network.chrooted import Chrooted, edge_image
from tests.rehearsal.network.privately import privately
from tests.rehearsal.network.stage import DENY_ALL, NETWORK, Stage

PUBLIC = f"{NETWORK}/dnsZones/mobil.livegang.test"
PRIVATE = f"{NETWORK}/privateDnsZones/vivendi.internal"
LINK = f"{PRIVATE}/virtualNetworkLinks/link-vivendi"


class Names:
    """The DNS family on the network's stage."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.containers = Chrooted(self.stage.world.namespaces)
        self.stage.world.containers = self.containers  # type: ignore[assignment]
        dns.start(self.stage.world)
        self.handlers = dns.handlers(self.stage.world)
        self.stage.nic("web01", self.stage.subnet("web", 3, self.stage.group("web", *DENY_ALL)), "10.77.3.4")

    def put(self, kind: str, identifier: str, properties: dict[str, Any]) -> None:
        self.handlers[f"azure-native:{kind}"].put(identifier, properties, lambda line: None)

    def get(self, kind: str, identifier: str, properties: dict[str, Any]) -> dict[str, Any] | None:
        return self.handlers[f"azure-native:{kind}"].get(identifier, properties)

    def delete(self, kind: str, identifier: str) -> None:
        self.handlers[f"azure-native:{kind}"].delete(identifier, {}, lambda line: None)

    def host_sees(self, name: str) -> str | None:
        """The address that web01 gets from Azure's resolver."""
        return self._seen("nic-web01", settings.PLATFORM_DNS, name)

    def outside_sees(self, name: str) -> str | None:
        return self._seen("outside", settings.PUBLIC_DNS, name)

    def _seen(self, place: str, server: Any, name: str) -> str | None:
        answer = ask(self.stage.world, place, (server, 53), f"{name}.", "A")
        return answer[0].to_text() if answer else None


def address(text: str, ttl: int = 60) -> dict[str, Any]:
    return {"ttl": ttl, "aRecords": [{"ipv4Address": text}]}


@pytest.fixture(autouse=True)
def _image() -> None:
    edge_image()


@privately
def test_a_public_zone_is_seen_by_strangers_and_hosts_with_its_ttl() -> None:
    names = Names()
    record = f"{PUBLIC}/A/ambulant"
    names.put("dns:Zone", PUBLIC, {})
    names.put("dns:RecordSet", record, address("198.51.100.7"))
    assert names.get("dns:Zone", PUBLIC, {}) == {}
    assert names.get("dns:RecordSet", record, address("198.51.100.7")) == {}
    assert names.outside_sees("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert names.host_sees("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert names.outside_sees("kita.mobil.livegang.test") is None


@privately
def test_a_record_deleted_by_hand_is_found_and_repaired() -> None:
    names = Names()
    record = f"{PUBLIC}/A/ambulant"
    names.put("dns:Zone", PUBLIC, {})
    names.put("dns:RecordSet", record, address("198.51.100.7"))
    zone = "mobil.livegang.test"
    for words in (["zone-begin", zone], ["zone-unset", zone, "ambulant", "A"], ["zone-commit", zone]):
        names.containers.run("public-dns", ["knotc", *words])
    assert names.get("dns:RecordSet", record, address("198.51.100.7")) is None
    names.put("dns:RecordSet", record, address("198.51.100.7"))
    assert names.get("dns:RecordSet", record, address("198.51.100.7")) == {}


@privately
def test_a_changed_record_is_another_answer_at_once() -> None:
    names = Names()
    record = f"{PUBLIC}/A/ambulant"
    names.put("dns:Zone", PUBLIC, {})
    names.put("dns:RecordSet", record, address("198.51.100.7"))
    assert names.host_sees("ambulant.mobil.livegang.test") == "198.51.100.7"
    names.put("dns:RecordSet", record, address("198.51.100.8", ttl=300))
    assert names.host_sees("ambulant.mobil.livegang.test") == "198.51.100.8"
    observed = names.get("dns:RecordSet", record, address("198.51.100.7"))
    assert observed == {"ttl": 300, "aRecords": [{"ipv4Address": "198.51.100.8"}]}
    names.delete("dns:RecordSet", record)
    names.delete("dns:RecordSet", record)
    assert names.host_sees("ambulant.mobil.livegang.test") is None


@privately
def test_a_private_zone_is_answered_inside_once_it_is_linked_and_never_outside() -> None:
    names = Names()
    record = f"{PRIVATE}/A/db01"
    names.put("privatedns:PrivateZone", PRIVATE, {})
    names.put("privatedns:PrivateRecordSet", record, address("10.77.1.4"))
    assert names.host_sees("db01.vivendi.internal") is None
    assert names.get("privatedns:VirtualNetworkLink", LINK, {}) is None
    names.put("privatedns:VirtualNetworkLink", LINK, {"virtualNetwork": {"id": "x"}})
    assert names.host_sees("db01.vivendi.internal") == "10.77.1.4"
    assert names.get("privatedns:VirtualNetworkLink", LINK, {}) == {}
    assert names.get("privatedns:PrivateRecordSet", record, address("10.77.1.4")) == {}
    assert names.outside_sees("db01.vivendi.internal") is None
    names.delete("privatedns:VirtualNetworkLink", LINK)
    names.delete("privatedns:PrivateZone", PRIVATE)
    names.delete("privatedns:PrivateRecordSet", record)
    assert names.host_sees("db01.vivendi.internal") is None


@privately
def test_the_rehearsals_internet_knows_its_own_names_and_no_others() -> None:
    names = Names()
    names.put("dns:Zone", f"{NETWORK}/dnsZones/livegang.test", {})
    assert names.host_sees("packages.livegang.test") == str(settings.PACKAGE_SERVER)
    assert names.host_sees("kv-vivendi-1.vault.azure.net") == str(settings.KEY_VAULT)
    assert names.outside_sees("kv-vivendi-1.vault.azure.net") == str(settings.KEY_VAULT)
    assert names.host_sees("www.example.org") is None


@privately
def test_a_record_that_the_zone_refuses_does_not_harm_the_others() -> None:
    names = Names()
    names.put("dns:Zone", PUBLIC, {})
    names.put("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7"))
    with pytest.raises(HandlerError, match="refuses zone mobil"):
        names.put("dns:RecordSet", f"{PUBLIC}/CNAME/ambulant", {"ttl": 60, "cnameRecord": {"cname": "kita.example"}})
    names.put("dns:RecordSet", f"{PUBLIC}/A/kita", address("198.51.100.7"))
    assert names.outside_sees("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert names.outside_sees("kita.mobil.livegang.test") == "198.51.100.7"
    with pytest.raises(HandlerError, match="ParentResourceNotFound"):
        names.put("dns:RecordSet", f"{NETWORK}/dnsZones/missing.test/A/x", address("198.51.100.7"))


@privately
def test_servers_that_were_killed_serve_again_when_they_are_next_needed() -> None:
    names = Names()
    names.put("dns:Zone", PUBLIC, {})
    names.put("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7"))
    names.put("privatedns:PrivateZone", PRIVATE, {})
    names.put("privatedns:VirtualNetworkLink", LINK, {"virtualNetwork": {"id": "x"}})
    for container in ("public-dns", "private-dns", "resolver"):
        names.containers.kill(container)
    assert names.get("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7")) == {}
    names.put("privatedns:PrivateRecordSet", f"{PRIVATE}/A/db01", address("10.77.1.4"))
    assert names.get("privatedns:VirtualNetworkLink", LINK, {}) == {}
    assert names.host_sees("db01.vivendi.internal") == "10.77.1.4"
