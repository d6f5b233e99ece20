"""Roles say what the inventory says, and refuse what would shut people out."""

from __future__ import annotations

import re
from typing import TypeVar

import pytest

from console import ExpectedError
from hosts import roles
from hosts.components.manifest import Manifest
from hosts.fleet.document import document
from hosts.roles import firewall, own_metrics, rendering
from hosts.roles.context import Context
from hosts.staging import packages
from hosts.states import (
    Absent,
    Archive,
    DatabaseCluster,
    DatabaseRole,
    DatabaseStandby,
    File,
    Firewall,
    Package,
    ReplicationSlot,
    State,
    TrustedCertificate,
    Unit,
    Wait,
)
from infra.inventory.model import Inventory, PackageSource
from landscape.roles import ROLES

Kind = TypeVar("Kind", bound=State)


class Wanted:
    """What is wanted of one host, by name."""

    def __init__(self, name: str, inventory: Inventory, components: list[Manifest]) -> None:
        self.states = roles.states(inventory.hosts[name], inventory, components)

    def all(self, kind: type[Kind]) -> dict[str, Kind]:
        """All states of a kind."""
        return {state.name: state for state in self.states if isinstance(state, kind)}

    def text(self, path: str) -> str:
        """The content of a file, secrets in brackets."""
        content = self.all(File)[path].content
        return "".join(part if isinstance(part, str) else f"[{part.purpose}]" for part in content)


@pytest.fixture
def wanted(inventory: Inventory, components: list[Manifest]) -> dict[str, Wanted]:
    return {name: Wanted(name, inventory, components) for name in inventory.hosts}


def test_every_host_has_a_document(inventory: Inventory, components: list[Manifest]) -> None:
    for host in inventory.hosts.values():
        travelling = document(host, inventory, roles.states(host, inventory, components), "converge")
        assert len(travelling["states"]) > 30


def test_every_host_takes_packages_from_the_mirror_but_the_mirror(wanted: dict[str, Wanted]) -> None:
    for name, host in wanted.items():
        source = host.text("/etc/apt/sources.list.d/livegang.sources")
        upstream = "URIs: http://packages.sample.test/debian" in source
        mirror = "URIs: http://mgmt01.sample.internal/packages/sample" in source
        assert (upstream, mirror) == (name == "mgmt01", name != "mgmt01")
        assert "/etc/apt/sources.list.d/debian.sources" in host.all(Absent)
        # Only who depends on the mirror waits for it.
        assert bool(host.all(Wait)) == (name != "mgmt01")
        assert all(bool({*package.needs} & {wait.identity for wait in host.all(Wait).values()}) == (name != "mgmt01")
                   for package in host.all(Package).values())  # fmt: skip


def test_the_mirror_goes_first_on_its_host(wanted: dict[str, Wanted]) -> None:
    first = [state.identity for state in wanted["mgmt01"].states[:4]]
    assert first == [
        "directory /etc/nginx",
        "file /etc/nginx/nginx.conf",
        "directory /var/cache/nginx",
        "package nginx",
    ]
    # No other configuration ever answers in the mirror's place, not even for the moment before a reload.
    assert "file /etc/nginx/nginx.conf" in wanted["mgmt01"].all(Package)["nginx"].needs


def test_a_keyring_of_the_image_is_named_and_not_written(inventory: Inventory, components: list[Manifest]) -> None:
    debian = PackageSource(
        name="debian",
        uri="https://deb.test/debian",
        suites=["bookworm"],
        components=["main"],
        keyring="/usr/share/k.gpg",
    )
    packages_value = inventory.packages.model_copy(update={"sources": [debian]})
    stack = inventory.model_copy(update={"packages": packages_value})
    host = Wanted("web01", stack, components)
    assert "Signed-By: /usr/share/k.gpg" in host.text("/etc/apt/sources.list.d/livegang.sources")
    assert not [path for path in host.all(File) if path.startswith("/etc/apt/keyrings/")]
    mirror = Wanted("mgmt01", stack, components).text("/etc/nginx/nginx.conf")
    assert "proxy_pass https://$upstream;" in mirror


def test_every_host_follows_the_management_hosts_time(wanted: dict[str, Wanted]) -> None:
    for name, host in wanted.items():
        configuration = host.text("/etc/chrony/chrony.conf")
        assert ("local stratum 8" in configuration) == (name == "mgmt01")
        assert ("server 10.77.6.4 iburst" in configuration) == (name != "mgmt01")
        assert "ConditionCapability=\n" in host.text("/etc/systemd/system/chrony.service.d/10-livegang.conf")


def test_time_servers_of_the_stack_are_followed_by_the_management_host(
    inventory: Inventory, components: list[Manifest]
) -> None:
    stack = inventory.model_copy(update={"time_sources": ["ptbtime1.test"]})
    assert "server ptbtime1.test iburst" in Wanted("mgmt01", stack, components).text("/etc/chrony/chrony.conf")


def test_only_the_jump_host_passes_connections_on_and_only_to_hosts(
    wanted: dict[str, Wanted], inventory: Inventory
) -> None:
    for name, host in wanted.items():
        configuration = host.text("/etc/ssh/sshd_config.d/10-livegang.conf")
        assert "AllowUsers ops\n" in configuration
        assert "PasswordAuthentication no\n" in configuration
        (permitted,) = re.findall(r"^PermitOpen (.*)$", configuration, re.MULTILINE) or [""]
        expected = {f"{other.address}:22" for other in inventory.hosts.values()} if name == "mgmt01" else set()
        assert set(permitted.split()) == expected
        assert ("AllowTcpForwarding no" in configuration) == (name != "mgmt01")


RULES = {
    "db01": {
        ("tcp", (22,), "10.77.6.0/24"),
        ("tcp", (5432,), "10.77.1.0/24"),
        ("tcp", (5432,), "10.77.2.0/24"),
        ("tcp", (8432,), "10.77.4.0/24"),
    },
    "app01": {("tcp", (22,), "10.77.6.0/24"), ("tcp", tuple(range(8001, 8007)), "10.77.3.0/24")},
    "web01": {("tcp", (22,), "10.77.6.0/24"), ("tcp", (80,), "10.77.7.0/24")},
    "file01": {
        ("tcp", (22,), "10.77.6.0/24"),
        ("tcp", (445,), "10.77.2.0/24"),
        ("tcp", (445,), "10.77.5.0/24"),
        ("tcp", (8432,), "10.77.1.0/24"),
    },
    "xfer01": {("tcp", (22,), "10.77.6.0/24"), ("tcp", (22,), "203.0.113.20/32")},
}


@pytest.mark.parametrize("name", RULES)
def test_a_host_lets_in_what_the_flow_table_says(name: str, inventory: Inventory, components: list[Manifest]) -> None:
    found = firewall.rules(Context(inventory.hosts[name], inventory, components))
    assert {(rule.protocol, rule.ports, *rule.sources) for rule in found} == RULES[name]


def test_all_else_is_dropped(wanted: dict[str, Wanted]) -> None:
    rules = wanted["web01"].all(Firewall)["nftables"].rules
    assert "hook input priority filter; policy drop;" in rules
    assert "hook forward priority filter; policy drop;" in rules
    assert 'ip saddr { 10.77.7.0/24 } tcp dport { 80 } accept comment "web-from-gateway"' in rules
    assert rules.index("established,related accept") < rules.index("comment")


def test_a_flow_table_that_would_shut_the_toolkit_out_is_refused(
    inventory: Inventory, components: list[Manifest]
) -> None:
    flows = [flow for flow in inventory.flows if flow.name != "ssh-from-management"]
    with pytest.raises(ExpectedError, match="lets no SSH from mgmt01 to web01"):
        Wanted("web01", inventory.model_copy(update={"flows": flows}), components)


def test_a_service_tag_that_means_no_addresses_is_refused(inventory: Inventory, components: list[Manifest]) -> None:
    flows = [flow.model_copy(update={"source_prefixes": ["Sql"]}) for flow in inventory.flows]
    with pytest.raises(ExpectedError, match="'Sql' as source"):
        Wanted("web01", inventory.model_copy(update={"flows": flows}), components)


def test_who_is_trusted_comes_from_the_stack(wanted: dict[str, Wanted], inventory: Inventory) -> None:
    trusted = wanted["web01"].all(TrustedCertificate)
    assert [state.pem for state in trusted.values()] == inventory.trusted_authorities


def test_the_first_database_host_is_the_primary_and_the_second_its_standby(wanted: dict[str, Wanted]) -> None:
    primary, standby = wanted["db01"], wanted["db02"]
    assert primary.all(DatabaseCluster)
    assert not primary.all(DatabaseStandby)
    assert list(primary.all(ReplicationSlot)) == ["db02"]
    (copy,) = standby.all(DatabaseStandby).values()
    assert not standby.all(DatabaseCluster)
    assert not standby.all(DatabaseRole)
    assert (copy.slot, copy.primary_host) == ("db02", "db01")
    for part in ("host=db01.sample.internal", "sslmode=verify-full", "ssl_min_protocol_version=TLSv1.3"):
        assert part in copy.primary
        assert part in standby.text("/etc/postgresql/15/main/postgresql.conf")
    assert "primary_conninfo" not in primary.text("/etc/postgresql/15/main/postgresql.conf")


def test_nothing_but_tls_gets_into_the_database_and_only_from_where_flows_come(wanted: dict[str, Wanted]) -> None:
    lines = wanted["db01"].text("/etc/postgresql/15/main/pg_hba.conf").splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    # Who the operating system says they are: the administrator, and the exporter, which no network reaches.
    assert rows[:2] == [["local", "all", "postgres", "peer"], ["local", "postgres", "prometheus", "peer"]]
    assert {row[0] for row in rows[2:]} == {"hostssl"}
    assert {row[4] for row in rows[2:]} == {"scram-sha-256"}
    assert ["hostssl", "vivendi", "vivendi_pep", "10.77.2.0/24", "scram-sha-256"] in rows
    assert ["hostssl", "replication", "replicator", "10.77.1.5/32", "scram-sha-256"] in rows


def test_every_component_has_its_role_with_its_secret(wanted: dict[str, Wanted], components: list[Manifest]) -> None:
    found = wanted["db01"].all(DatabaseRole)
    assert set(found) == {"replicator", "prometheus", *(component.database.role for component in components)}
    assert found["vivendi_pep"].secrets() == {"postgresql/pep"}
    assert found["vivendi_pep"].schema == "pep"


def test_private_keys_and_passwords_are_for_their_service_only(wanted: dict[str, Wanted]) -> None:
    secret = {
        file.path: (oct(file.mode), file.owner, file.group)
        for name in ("db01", "app01")
        for file in wanted[name].all(File).values()
        if file.secrets()
    }
    assert secret["/etc/postgresql/tls/server.key"] == ("0o600", "postgres", "postgres")
    assert secret["/etc/postgresql/replication.pgpass"] == ("0o600", "postgres", "postgres")
    assert secret["/etc/vivendi/pep.password"] == ("0o640", "root", "vivendi")


def test_a_component_runs_as_its_manifest_says(wanted: dict[str, Wanted], components: list[Manifest]) -> None:
    host = wanted["app02"]
    for component in components:
        unit = host.all(Unit)[f"vivendi-{component.name}.service"]
        assert unit.port == component.port
        assert f"archive {component.name} {component.version}" in unit.restart_on
        archive = host.all(Archive)[f"{component.name} {component.version}"]
        assert (archive.sha256, archive.target) == (component.artifact.sha256, f"/opt/vivendi/{component.name}")
        text = host.text(f"/etc/systemd/system/vivendi-{component.name}.service")
        assert f"ExecStart={component.service.command}\n" in text
        assert "User=vivendi\n" in text
    configuration = host.text("/etc/vivendi/pep.conf")
    assert "listen = 10.77.2.5\nport = 8006\n" in configuration
    assert "hosts = db01.sample.internal,db02.sample.internal\n" in configuration
    assert "password" not in configuration


def test_a_manifests_own_settings_get_into_its_configuration(inventory: Inventory, components: list[Manifest]) -> None:
    changed = [component.model_copy(update={"settings": {"mail": {"from": "büro@test"}}}) for component in components]
    assert "[mail]\nfrom = büro@test\n" in Wanted("app01", inventory, changed).text("/etc/vivendi/pep.conf")


def test_every_site_goes_to_both_application_hosts_and_its_own_port(wanted: dict[str, Wanted]) -> None:
    text = wanted["web01"].text("/etc/nginx/nginx.conf")
    for port, area in enumerate(("ambulant", "stationaer", "kita", "teilhabe", "beratung", "pep"), start=8001):
        assert f"server_name {area}.sample.test;" in text
        upstream = text[text.index(f"upstream {area} {{") :]
        upstream = upstream[: upstream.index("}")]
        assert re.findall(r"server (\S+)", upstream) == [f"10.77.2.4:{port}", f"10.77.2.5:{port}"]
    assert "proxy_next_upstream error timeout;" in text
    assert "set_real_ip_from 10.77.7.0/24;" in text
    assert text.count("location = /web-health") == 7


def test_packages_need_no_stack_and_are_those_of_the_roles(wanted: dict[str, Wanted]) -> None:
    listed = packages.all_packages()
    assert set(listed) == {name for host in wanted.values() for name in host.all(Package)}
    assert {"nginx", "postgresql-15", "python3-psycopg2", "chrony"} <= set(listed)


def test_a_role_that_no_one_wrote_is_named(inventory: Inventory, components: list[Manifest]) -> None:
    host = inventory.hosts["web01"].model_copy(update={"role": "nonsense"})
    with pytest.raises(ExpectedError, match=f"web01 has the role 'nonsense'; known are {', '.join(sorted(ROLES))}"):
        roles.states(host, inventory, components)


def test_a_template_with_a_variable_that_no_one_gave_is_an_error() -> None:
    with pytest.raises(ExpectedError, match=r"hosts/templates/base/sshd.conf.j2: 'header' is undefined"):
        rendering.render("base/sshd.conf.j2")


def shared(inventory: Inventory, also: list[str]) -> Inventory:
    """The landscape without application hosts and without a second database, web01 doing other work too."""
    gone = ("app01", "app02", "web02", "db02", "file01", "xfer01")
    hosts = {name: host for name, host in inventory.hosts.items() if name not in gone}
    secrets = inventory.hosts["app01"].secrets | (inventory.hosts["db01"].secrets if "database" in also else {})
    more: dict[str, object] = {"also": also, "secrets": secrets}
    if "database" in also:
        del hosts["db01"]
        more |= {"data_disk_gb": 4, "certificate": inventory.hosts["db01"].certificate}
    hosts["web01"] = hosts["web01"].model_copy(update=more)
    return inventory.model_copy(update={"hosts": hosts, "transfer": None})


@pytest.mark.parametrize("also", [["application"], ["application", "database"]])
def test_a_host_does_the_work_of_all_its_roles(
    inventory: Inventory, components: list[Manifest], also: list[str]
) -> None:
    """nginx, the components and perhaps PostgreSQL side by side: nothing of one contradicts the other."""
    small = shared(inventory, also)
    host = small.hosts["web01"]
    states = roles.states(host, small, components)
    kinds = {state["kind"] for state in document(host, small, states, "converge")["states"]}
    assert {"archive", "unit", "firewall"} <= kinds
    assert ("mount" in kinds) is ("database" in also)
    # A database next to the site has a certificate of its own, which is watched as on any other host.
    assert ("certificates" in own_metrics.kinds(Context(host, small, components), host)) is ("database" in also)
    nginx = Wanted("web01", small, components).text("/etc/nginx/nginx.conf")
    assert f"server {host.address}:8001 " in nginx
    assert [found.name for found in small.hosts_of("application")] == ["web01"]
    for other in small.hosts.values():
        document(other, small, roles.states(other, small, components), "converge")


def test_a_standby_s_slot_is_named_as_postgresql_allows(inventory: Inventory, components: list[Manifest]) -> None:
    hosts = {name: host for name, host in inventory.hosts.items() if host.role != "database"}
    for name, old in (("pg-a", "db01"), ("pg-b", "db02")):
        hosts[name] = inventory.hosts[old].model_copy(update={"name": name, "fqdn": f"{name}.sample.internal"})
    renamed = inventory.model_copy(update={"hosts": hosts})
    assert list(Wanted("pg-a", renamed, components).all(ReplicationSlot)) == ["pg_b"]
    standby = Wanted("pg-b", renamed, components)
    (copy,) = standby.all(DatabaseStandby).values()
    assert copy.slot == "pg_b"
    assert "primary_slot_name = 'pg_b'" in standby.text("/etc/postgresql/15/main/postgresql.conf")
