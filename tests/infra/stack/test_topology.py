"""Every mistake in a topology is reported with file, key, value and remedy, and all of them together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.stack.loading import load
from infra.stack.topology import KEY, Topology
from landscape.roles import ROLES
from tests import stacks
from toolchain.folders import PROJECT, fill_in

Change = Callable[[dict[str, Any]], None]
MistakesOf = Callable[[dict[str, Any]], list[str]]


def put(path: str, value: object) -> Change:
    """A change that sets the value at a dotted path."""
    *parents, last = path.split(".")

    def change(document: dict[str, Any]) -> None:
        for part in parents:
            document = document[part]
        document[last] = value

    return change


def drop(path: str) -> Change:
    """A change that removes the key at a dotted path."""
    *parents, last = path.split(".")

    def change(document: dict[str, Any]) -> None:
        for part in parents:
            document = document[part]
        del document[last]

    return change


TENTH = {"role": "web", "address": "10.77.3.6", "zone": "3", "size": "Standard_D2as_v5"}
FLOW = {"from": "web", "to": "database", "protocol": "tcp", "ports": [5432]}
SHORT_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIErYb/Yvyh ops"

BAD_INPUT: dict[str, tuple[Change, tuple[str, ...]]] = {
    "a transfer host without a drop": (drop("transfer"), ("transfer: is missing", "xfer01", "Pulumi.rehearsal.yaml")),
    "a drop without keys": (
        put("transfer.old_hoster", {"user": "old-hoster"}),
        ("transfer.old_hoster: has neither public_keys nor public_key_file", "one of the two"),
    ),
    "a drop for the administrator": (
        put("transfer.old_hoster.user", "ops"),
        ("transfer.old_hoster.user", "'ops' is the administrator's user name", "Choose another"),
    ),
    "a cut off key of the old hoster": (
        put("transfer.old_hoster", {"public_keys": [SHORT_KEY]}),
        ("transfer.old_hoster.public_keys[0]", "SSH public keys", "was it cut off"),
    ),
    "no signatures at all": (
        put("transfer.signatures", {}),
        ("transfer.signatures: has neither source nor files", "every file would count as clean"),
    ),
    "a signature file that does not exist": (
        put("transfer.signatures.files", ["rehearsal/signatures/missing.ndb"]),
        ("transfer.signatures.files[0]: 'rehearsal/signatures/missing.ndb' does not exist", "ClamAV signatures"),
    ),
    "a source that is not a URL": (
        put("transfer.signatures.source", "database.clamav.net"),
        ("transfer.signatures.source", "https://database.clamav.net"),
    ),
    "a file larger than clamd scans": (
        put("transfer.largest_file_mb", 4096),
        ("transfer.largest_file_mb: 4096", "MiB from 1 to 2000"),
    ),
    "no patience": (put("transfer.patience_seconds", 0), ("transfer.patience_seconds: 0", "seconds from 5")),
    "no application host": (
        lambda document: (drop("hosts.app01")(document), drop("hosts.app02")(document))[0],
        ("hosts: no host has the role application", "also: [application]"),
    ),
    "a second role that does not exist": (
        put("hosts.web01.also", ["aplication"]),
        ("hosts.web01.also[0]: 'aplication'", "further roles of database, application and web"),
    ),
    "a second role that cannot share a host": (
        put("hosts.web01.also", ["management"]),
        ("hosts.web01.also: the role management cannot share a host", "database, application, web"),
    ),
    "a role twice": (put("hosts.web01.also", ["web"]), ("hosts.web01.also: names web", "Name each role once")),
    "hosts of different roles in one subnet": (
        put("hosts.web02.also", ["application"]),
        ("hosts.web02.also: web02 and web01 are in the same subnet (web)", "give both the same"),
    ),
    "a second role without its disk": (
        put("hosts.web01.also", ["database"]),
        ("hosts.web01.data_disk_gb: is missing: a database host",),
    ),
    "a tenth host": (
        put("hosts.web03", TENTH),
        ("hosts: 10 are declared", "web03", "expected.hosts is 9", "remove 1", "set expected.hosts to 10"),
    ),
    "a missing host": (drop("hosts.web02"), ("hosts: 8 are declared", "declare 1")),
    "a missing endpoint": (
        drop("endpoints.kita"),
        ("endpoints: 5 are declared", "expected.endpoints is 6", "declare 1", "set expected.endpoints to 5"),
    ),
    "overlapping subnets": (
        put("network.subnets.web", "10.77.2.128/25"),
        ("network.subnets.web", "10.77.2.128/25 overlaps network.subnets.application", "is free in 10.77.0.0/16"),
    ),
    "a subnet outside the network": (
        put("network.subnets.gateway", "10.78.7.0/24"),
        ("network.subnets.gateway: 10.78.7.0/24 is outside", "10.77.0.0/16"),
    ),
    "a subnet too small for Azure": (
        put("network.subnets.gateway", "10.77.7.0/30"),
        ("network.subnets.gateway: 10.77.7.0/30 is too small", "/29"),
    ),
    "a subnet with host bits": (
        put("network.subnets.web", "10.77.3.1/24"),
        ("network.subnets.web: '10.77.3.1/24'", "host bits", "the network is 10.77.3.0/24"),
    ),
    "a subnet of no role": (
        put("network.subnets.databse", "10.77.9.0/24"),
        ("network.subnets.databse", "Did you mean database?"),
    ),
    "the gateway's subnet missing": (drop("network.subnets.gateway"), ("network.subnets.gateway: is missing",)),
    "an address outside its subnet": (
        put("hosts.app01.address", "10.77.9.4"),
        ("hosts.app01.address: 10.77.9.4 is outside", "10.77.2.0/24", "from 10.77.2.4 to 10.77.2.254"),
    ),
    "Azure's first reserved address": (
        put("hosts.db01.address", "10.77.1.0"),
        ("hosts.db01.address: 10.77.1.0 is one of the five", "from 10.77.1.4 to 10.77.1.254"),
    ),
    "Azure's fourth reserved address": (put("hosts.db01.address", "10.77.1.3"), ("10.77.1.3 is one of the five",)),
    "Azure's last reserved address": (put("hosts.db01.address", "10.77.1.255"), ("10.77.1.255 is one of the five",)),
    "no address at all": (put("hosts.db01.address", "10.77.1"), ("hosts.db01.address: '10.77.1' is not valid",)),
    "an unknown role": (
        put("hosts.db01.role", "databse"),
        ("hosts.db01.role: 'databse'", f"one of {', '.join(ROLES)}"),
    ),
    "a duplicate address": (
        put("hosts.db02.address", "10.77.1.4"),
        ("hosts.db02.address: 10.77.1.4 is already the address of db01", "Each host needs its own"),
    ),
    "a malformed key": (
        put("administrator", {"user": "ops", "public_keys": [SHORT_KEY]}),
        ("administrator.public_keys[0]", "AAAAC3NzaC1lZDI1NTE5", "was it cut off", "ssh-ed25519 AAAA"),
    ),
    "a private key for a public one": (
        put("administrator", {"user": "ops", "public_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}),
        ("administrator.public_keys[0]", "does not begin with a key type"),
    ),
    "no key": (put("administrator", {"user": "ops"}), ("administrator: has neither", "at least one SSH public key")),
    "keys in two places": (
        put("administrator.public_keys", ["ssh-ed25519 AAAA"]),
        ("administrator.public_keys[0]",),
    ),
    "an unknown setting": (put("nework", {}), (f"{KEY}.nework: unknown setting", "Did you mean network?")),
    "an unknown setting deep inside": (
        put("hosts.db01.adress", "10.77.1.9"),
        ("hosts.db01.adress: unknown setting with value '10.77.1.9'", "Did you mean address?"),
    ),
    "a missing setting": (drop("domain.ttl"), ("domain.ttl: is missing", "seconds from 1 to 86400")),
    "a bad CIDR": (
        put("network.operator_ranges", ["203.0.113.10/33"]),
        ("network.operator_ranges[0]: '203.0.113.10/33'", "e.g. [192.0.2.0/28]"),
    ),
    "an unknown flow party": (
        put("flows.database-from-web", {**FLOW, "from": "webb"}),
        ("flows.database-from-web.from: 'webb' is not a known party", "Did you mean web?"),
    ),
    "a flow from outside to outside": (
        put("flows.odd", {**FLOW, "from": "internet", "to": "key-vault"}),
        ("flows.odd: both ends (internet, key-vault) are outside",),
    ),
    "duplicate ports": (
        put("flows.database-from-application.ports", [5432, 80, 5432]),
        ("flows.database-from-application.ports", "duplicate ports: 5432"),
    ),
    "a port out of range": (
        put("flows.database-from-application.ports", [70000]),
        ("flows.database-from-application.ports[0]: 70000", "from 1 to 65535"),
    ),
    "a duplicate priority": (
        put("flows.database-from-web", {**FLOW, "priority": 100}),
        (
            "flows.gateway-from-internet.priority: 100 is already the priority of database-from-web",
            "for example, is free",
        ),
    ),
    "an unknown protocol": (
        put("flows.database-from-application.protocol", "tpc"),
        ("flows.database-from-application.protocol: 'tpc'", "tcp or udp"),
    ),
    "a missing file": (
        put("certificate.pfx_file", "nowhere.pfx"),
        ("certificate.pfx_file: 'nowhere.pfx' does not exist", "PKCS#12 file without a password"),
    ),
    "a missing authority": (
        put("trusted_authorities", ["nowhere.pem"]),
        ("trusted_authorities[0]: 'nowhere.pem' does not exist", "PEM certificate"),
    ),
    "a file that is something else": (
        put("certificate.pfx_file", "{state}/keys/authority.pem"),
        ("certificate.pfx_file: '{state}/keys/authority.pem'",),
    ),
    "a certificate that lacks a site": (
        put("endpoints.kita.host_name", "kinder.mobil.livegang.test"),
        ("certificate.pfx_file", "does not cover kinder.mobil.livegang.test"),
    ),
    "a host name outside the domain": (
        put("endpoints.kita.host_name", "kita.livegang.test"),
        ("endpoints.kita.host_name: 'kita.livegang.test' is not one label below", "kita.mobil.livegang.test"),
    ),
    "a duplicate host name": (
        put("endpoints.kita.host_name", "pep.mobil.livegang.test"),
        ("endpoints.pep.host_name: 'pep.mobil.livegang.test' is already the host name of kita",),
    ),
    "an image that is not pinned": (put("image.version", "latest"), ("image.version: 'latest'", "a pinned version")),
    "a database without a disk": (
        drop("hosts.db01.data_disk_gb"),
        ("hosts.db01.data_disk_gb: is missing", "size in GiB"),
    ),
    "a second way in": (
        put("hosts.web02", {"role": "management", "address": "10.77.6.5", "zone": "1", "size": "Standard_D2as_v5"}),
        ("hosts: 2 hosts have the role management", "exactly one"),
    ),
    "a zone that does not exist": (put("hosts.db01.zone", "4"), ("hosts.db01.zone: '4'", '"1", "2" or "3"')),
    "a missing vantage point": (drop("vantage_points.outside"), ("vantage_points.outside: is missing", "local://")),
    "a webhook with a secret in it": (
        put("alerts", {"webhook": "https://alerts.example.org/hook?token=abc"}),
        ("alerts.webhook: 'https://alerts.example.org/hook?token=abc'", "without user or query"),
    ),
    "text instead of a map": (put("hosts", "nine"), ("hosts: 'nine' is not valid",)),
}


@pytest.mark.parametrize(("change", "parts"), BAD_INPUT.values(), ids=BAD_INPUT)
def test_a_mistake_is_reported_with_file_key_value_and_remedy(
    document: dict[str, Any], mistakes_of: MistakesOf, change: Change, parts: tuple[str, ...]
) -> None:
    # Pulumi passes maps in alphabetical order: "is already the address of" must not depend on the order in the file.
    change(document)
    mistakes = mistakes_of(sorted_maps(document))
    matching = [line for line in mistakes if all(part in line for part in parts)]
    assert matching, "\n".join(mistakes)
    assert all(line.startswith(f"Pulumi.rehearsal.yaml: {KEY}.") for line in mistakes)


def test_all_mistakes_are_reported_together(document: dict[str, Any], mistakes_of: MistakesOf) -> None:
    put("hosts.web03", TENTH)(document)
    put("hosts.web01.adress", "10.77.3.9")(document)
    put("hosts.db02.address", "10.77.1.4")(document)
    put("network.subnets.file", "10.77.5.0/25")(document)
    put("image.version", "latest")(document)
    drop("endpoints.pep")(document)
    reported = "\n".join(mistakes_of(document))
    for key in (
        "hosts: 10",
        "hosts.web01.adress",
        "hosts.db02.address",
        "network.subnets",
        "image.version",
        "endpoints: 5",
    ):
        assert key in reported


def test_an_unreadable_value_causes_no_second_mistake(document: dict[str, Any], mistakes_of: MistakesOf) -> None:
    put("network.subnets.web", "10.77.3.0/99")(document)
    assert len(mistakes_of(document)) == 1


def test_a_pfx_that_others_can_read_is_refused(document: dict[str, Any], mistakes_of: MistakesOf, root: Path) -> None:
    pfx = root / fill_in(document["certificate"]["pfx_file"])
    pfx.chmod(0o644)
    try:
        assert "chmod 600" in "\n".join(mistakes_of(document))
    finally:
        pfx.chmod(0o600)


def test_hosts_are_ordered_from_the_database_outwards(topology: Topology) -> None:
    assert list(topology.hosts) == ["db01", "db02", "app01", "app02", "web01", "web02", "file01", "xfer01", "mgmt01"]


def test_another_landscape_is_configuration(document: dict[str, Any], mistakes_of: MistakesOf) -> None:
    """Three hosts and one endpoint: the numbers nine and six are not in the code."""
    document["expected"] = {"hosts": 3, "endpoints": 1}
    document["hosts"] = {name: document["hosts"][name] for name in ("db01", "web01", "mgmt01")}
    document["hosts"]["web01"]["also"] = ["application"]
    document["endpoints"] = {"kita": document["endpoints"]["kita"]}
    assert mistakes_of(document) == []


def test_both_stacks_are_valid(tmp_path: Path, root: Path, document: dict[str, Any]) -> None:
    prod = stacks.topology("prod")
    pfx = root / fill_in(document["certificate"]["pfx_file"])
    # The certificate is the organisation's own: here it is the rehearsal's, with the rehearsal's names.
    for name, endpoint in prod["endpoints"].items():
        endpoint["host_name"] = document["endpoints"][name]["host_name"]
    prod |= {"certificate": {"pfx_file": str(pfx)}, "domain": document["domain"]}
    load(prod, "prod", tmp_path)
    load(document, "rehearsal", root)


def sorted_maps(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_maps(value[key]) for key in sorted(value)}
    return value


SIGNATURES = {
    "another kind": ("rules.yar", "rule x {}", "does not end with .ndb or .hdb"),
    "nothing": ("empty.ndb", "", "holds no signatures of its kind: it is empty"),
    "checksums under the wrong suffix": ("sums.ndb", f"{'0' * 32}:68:Name\n", "holds no signatures of its kind"),
    "half a byte": ("half.ndb", "Own:0:*:616\n", "holds no signatures of its kind: 'Own:0:*:616'"),
    "no offset": ("offset.ndb", "Own:0::6161\n", "holds no signatures of its kind"),
    "bytes that are not text": ("bytes.ndb", "Own:0:*:61\udcff61\n", "holds no signatures of its kind"),
    "a good line and a bad one": ("two.ndb", "Own:0:EOF-20:61??{2-4}(62|63)*64\nOwn\n", "of its kind: 'Own'"),
    "text": ("text.hdb", "EICAR\n", "holds no signatures of its kind: 'EICAR'"),
}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_a_signature_file_that_clamd_would_not_read_is_reported(
    kind: str, document: dict[str, Any], mistakes_of: MistakesOf, tmp_path: Path
) -> None:
    name, content, reason = SIGNATURES[kind]
    (tmp_path / name).write_text(content, errors="surrogateescape")
    put("transfer.signatures.files", [str(tmp_path / name)])(document)
    (mistake,) = mistakes_of(document)
    assert reason in mistake


def test_the_rehearsals_own_signatures_are_named_as_such(document: dict[str, Any]) -> None:
    for path in document["transfer"]["signatures"]["files"]:
        file = PROJECT / path
        assert file.name.startswith("livegang-rehearsal.")
        assert all("Livegang.Rehearsal." in line for line in file.read_text().splitlines())
