"""Names as hosts and the Internet resolve them, from the real servers over the network."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal import dns
from rehearsal.base import settings
from rehearsal.base.handler import HandlerError
from rehearsal.dns import handlers
from rehearsal.dns.server import query
from tests.rehearsal.network.chrooted import Chrooted, edge_image
from tests.rehearsal.network.privately import privately
from tests.rehearsal.network.stage import DENY_ALL, NETWORK, Stage

PUBLIC = f"{NETWORK}/dnsZones/mobil.livegang.test"
PRIVATE = f"{NETWORK}/privateDnsZones/vivendi.internal"
LINK = f"{PRIVATE}/virtualNetworkLinks/link-vivendi"


class DnsStage:
    """The DNS family on the network's stage."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.containers = Chrooted(self.stage.world.namespaces)
        self.stage.world.containers = self.containers  # type: ignore[assignment]
        dns.start(self.stage.world)
        self.handlers = handlers.by_token(self.stage.world)
        self.stage.nic("web01", self.stage.subnet("web", 3, self.stage.group("web", *DENY_ALL)), "10.77.3.4")

    def put(self, kind: str, identifier: str, properties: dict[str, Any]) -> None:
        self.handlers[f"azure-native:{kind}"].put(identifier, properties, lambda line: None)

    def get(self, kind: str, identifier: str, properties: dict[str, Any]) -> dict[str, Any] | None:
        return self.handlers[f"azure-native:{kind}"].get(identifier, properties)

    def delete(self, kind: str, identifier: str) -> None:
        self.handlers[f"azure-native:{kind}"].delete(identifier, {}, lambda line: None)

    def host_resolves(self, name: str) -> str | None:
        """The address that web01 gets from Azure's resolver."""
        return self._resolve("nic-web01", settings.PLATFORM_DNS, name)

    def outside_resolves(self, name: str) -> str | None:
        return self._resolve("outside", settings.PUBLIC_DNS, name)

    def _resolve(self, place: str, server: Any, name: str) -> str | None:
        answer = query(self.stage.world, place, (server, 53), f"{name}.", "A")
        return answer[0].to_text() if answer else None


def address(text: str, ttl: int = 60) -> dict[str, Any]:
    return {"ttl": ttl, "aRecords": [{"ipv4Address": text}]}


@pytest.fixture(autouse=True)
def _image() -> None:
    edge_image()


@privately
def test_a_public_zone_resolves_outside_and_on_hosts() -> None:
    stage = DnsStage()
    record = f"{PUBLIC}/A/ambulant"
    stage.put("dns:Zone", PUBLIC, {})
    stage.put("dns:RecordSet", record, address("198.51.100.7"))
    assert stage.get("dns:Zone", PUBLIC, {}) == {}
    assert stage.get("dns:RecordSet", record, address("198.51.100.7")) == {}
    assert stage.outside_resolves("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert stage.host_resolves("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert stage.outside_resolves("kita.mobil.livegang.test") is None


@privately
def test_a_record_deleted_by_hand_is_found_and_repaired() -> None:
    stage = DnsStage()
    record = f"{PUBLIC}/A/ambulant"
    stage.put("dns:Zone", PUBLIC, {})
    stage.put("dns:RecordSet", record, address("198.51.100.7"))
    zone = "mobil.livegang.test"
    for words in (["zone-begin", zone], ["zone-unset", zone, "ambulant", "A"], ["zone-commit", zone]):
        stage.containers.run("public-dns", ["knotc", *words])
    assert stage.get("dns:RecordSet", record, address("198.51.100.7")) is None
    stage.put("dns:RecordSet", record, address("198.51.100.7"))
    assert stage.get("dns:RecordSet", record, address("198.51.100.7")) == {}


@privately
def test_a_changed_record_is_answered_immediately() -> None:
    stage = DnsStage()
    record = f"{PUBLIC}/A/ambulant"
    stage.put("dns:Zone", PUBLIC, {})
    stage.put("dns:RecordSet", record, address("198.51.100.7"))
    assert stage.host_resolves("ambulant.mobil.livegang.test") == "198.51.100.7"
    stage.put("dns:RecordSet", record, address("198.51.100.8", ttl=300))
    assert stage.host_resolves("ambulant.mobil.livegang.test") == "198.51.100.8"
    observed = stage.get("dns:RecordSet", record, address("198.51.100.7"))
    assert observed == {"ttl": 300, "aRecords": [{"ipv4Address": "198.51.100.8"}]}
    stage.delete("dns:RecordSet", record)
    stage.delete("dns:RecordSet", record)
    assert stage.host_resolves("ambulant.mobil.livegang.test") is None


@privately
def test_a_private_zone_resolves_inside_once_it_is_linked_and_never_outside() -> None:
    stage = DnsStage()
    record = f"{PRIVATE}/A/db01"
    stage.put("privatedns:PrivateZone", PRIVATE, {})
    stage.put("privatedns:PrivateRecordSet", record, address("10.77.1.4"))
    assert stage.host_resolves("db01.vivendi.internal") is None
    assert stage.get("privatedns:VirtualNetworkLink", LINK, {}) is None
    stage.put("privatedns:VirtualNetworkLink", LINK, {"virtualNetwork": {"id": "x"}})
    assert stage.host_resolves("db01.vivendi.internal") == "10.77.1.4"
    assert stage.get("privatedns:VirtualNetworkLink", LINK, {}) == {}
    assert stage.get("privatedns:PrivateRecordSet", record, address("10.77.1.4")) == {}
    assert stage.outside_resolves("db01.vivendi.internal") is None
    stage.delete("privatedns:VirtualNetworkLink", LINK)
    stage.delete("privatedns:PrivateZone", PRIVATE)
    stage.delete("privatedns:PrivateRecordSet", record)
    assert stage.host_resolves("db01.vivendi.internal") is None


@privately
def test_the_rehearsals_internet_has_its_own_names_and_no_others() -> None:
    stage = DnsStage()
    stage.put("dns:Zone", f"{NETWORK}/dnsZones/livegang.test", {})
    assert stage.host_resolves("packages.livegang.test") == str(settings.PACKAGE_SERVER)
    assert stage.host_resolves("kv-vivendi-1.vault.azure.net") == str(settings.KEY_VAULT)
    assert stage.outside_resolves("kv-vivendi-1.vault.azure.net") == str(settings.KEY_VAULT)
    assert stage.host_resolves("www.example.org") is None


@privately
def test_a_record_that_the_server_rejects_does_not_harm_the_others() -> None:
    stage = DnsStage()
    stage.put("dns:Zone", PUBLIC, {})
    stage.put("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7"))
    with pytest.raises(HandlerError, match="rejects zone mobil"):
        stage.put("dns:RecordSet", f"{PUBLIC}/CNAME/ambulant", {"ttl": 60, "cnameRecord": {"cname": "kita.example"}})
    stage.put("dns:RecordSet", f"{PUBLIC}/A/kita", address("198.51.100.7"))
    assert stage.outside_resolves("ambulant.mobil.livegang.test") == "198.51.100.7"
    assert stage.outside_resolves("kita.mobil.livegang.test") == "198.51.100.7"
    with pytest.raises(HandlerError, match="ParentResourceNotFound"):
        stage.put("dns:RecordSet", f"{NETWORK}/dnsZones/missing.test/A/x", address("198.51.100.7"))


@privately
def test_servers_that_were_killed_serve_again_when_next_needed() -> None:
    stage = DnsStage()
    stage.put("dns:Zone", PUBLIC, {})
    stage.put("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7"))
    stage.put("privatedns:PrivateZone", PRIVATE, {})
    stage.put("privatedns:VirtualNetworkLink", LINK, {"virtualNetwork": {"id": "x"}})
    for container in ("public-dns", "private-dns", "resolver"):
        stage.containers.kill(container)
    assert stage.get("dns:RecordSet", f"{PUBLIC}/A/ambulant", address("198.51.100.7")) == {}
    stage.put("privatedns:PrivateRecordSet", f"{PRIVATE}/A/db01", address("10.77.1.4"))
    assert stage.get("privatedns:VirtualNetworkLink", LINK, {}) == {}
    assert stage.host_resolves("db01.vivendi.internal") == "10.77.1.4"
