"""The registry of hosts, and in which order they are stopped."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.machines.host import Host, State
from rehearsal.machines.host_registry import Hosts


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path, tmp_path / "base")


def test_a_host_is_found_by_its_own_name_its_machines_and_its_id(hosts: Hosts) -> None:
    host = hosts.add("/X/virtualMachines/vm-db01", "db01", "database")
    assert hosts.find("db01") is hosts.find("vm-db01") is hosts.get("/x/virtualmachines/VM-DB01") is host
    assert hosts.add("/x/virtualmachines/vm-db01", "db01", "database") is host
    assert hosts.identifier(host) == "/x/virtualmachines/vm-db01"


def test_an_unknown_host_is_an_error_that_lists_those_there_are(hosts: Hosts) -> None:
    hosts.add("/X/virtualMachines/vm-db01", "db01", "database")
    with pytest.raises(HandlerError, match="There is no host db1; there are: db01"):
        hosts.find("db1")


def test_two_machines_cannot_have_the_same_name(hosts: Hosts) -> None:
    hosts.add("/X/virtualMachines/vm-a", "db01", "database")
    with pytest.raises(HandlerError, match="there already is a host db01"):
        hosts.add("/X/virtualMachines/vm-b", "db01", "database")


def test_databases_are_off_before_the_file_host_and_one_failure_does_not_keep_others_on(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[str, float]] = []
    lock = threading.Lock()

    def stop(self: Host, seconds: float) -> None:
        if self.name == "db01":
            time.sleep(0.1)
        with lock:
            order.append((self.name, seconds))
        self.lose()
        if self.name == "web01":
            raise HandlerError("web01 does not want to")

    monkeypatch.setattr(Host, "stop", stop)
    for name, role in (("db01", "database"), ("file01", "file"), ("web01", "web")):
        _living(hosts.add(f"/vm-{name}", name, role))
    hosts.add("/vm-off", "off", "web")
    logged: list[str] = []
    hosts.stop_all(logged.append)
    assert [name for name, _ in order] == ["web01", "db01", "file01"]
    assert dict(order)["db01"] > dict(order)["web01"]
    assert logged == ["stopping 3 hosts", "web01 does not want to"]


def test_for_good_only_databases_are_stopped_in_good_order_and_the_archive_outlives_them(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def stop(self: Host, seconds: float) -> None:
        time.sleep(0.1)
        order.append(f"{self.name} stopped")

    def kill(self: Host) -> None:
        order.append(f"{self.name} killed")
        if self.name == "web01":
            raise HandlerError("web01 does not want to")

    monkeypatch.setattr(Host, "stop", stop)
    monkeypatch.setattr(Host, "kill", kill)
    for name, role in (("db01", "database"), ("file01", "file"), ("web01", "web")):
        _living(hosts.add(f"/vm-{name}", name, role))
    hosts.add("/vm-off", "off", "web")
    logged: list[str] = []
    endings = hosts.end_all(logged.append)
    assert order == ["web01 killed", "db01 stopped", "file01 killed"]
    assert "web01 does not want to" in logged
    assert endings.databases >= 0.1


def _living(host: Any) -> None:
    host._state = State.RUNNING
