"""What is asked of resources, with handlers that only remember what they were asked."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rehearsal.base.handler import HandlerError, Log, Properties
from rehearsal.base.records import Record, Records
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.supervisor.families import RESTORE_ORDER, collect, restore_rank
from rehearsal.supervisor.lifecycle import Resources


class Remembering:
    """A handler that notes its calls, and fails at ids that end in `bad`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.real: dict[str, Properties] = {}
        self.lock = threading.Lock()

    def _note(self, what: str, identifier: str) -> None:
        with self.lock:
            self.calls.append((what, identifier))
        if identifier.endswith("bad"):
            raise HandlerError(f"{identifier} does not want to")

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._note("put", identifier)
        self.real[identifier] = properties
        return {"observed": True}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {"observed": True} if identifier in self.real else None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        self._note("delete", identifier)
        self.real.pop(identifier, None)

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self._note("restore", identifier)


@pytest.fixture
def handler() -> Remembering:
    return Remembering()


@pytest.fixture
def resources(tmp_path: Path, handler: Remembering) -> Resources:
    world = cast(World, SimpleNamespace(records=Records(tmp_path)))
    tokens = ("compute:VirtualMachine", "network:Subnet", "network:NetworkInterface")
    return Resources(world, {f"azure-native:{token}": handler for token in tokens})


def records(resources: Resources) -> Records:
    return resources._world.records


def silent(line: str) -> None:
    """No one listens."""


def test_a_resource_is_made_observed_and_removed(resources: Resources, handler: Remembering) -> None:
    assert resources.put("compute:VirtualMachine", "/vm", {"a": 1}, silent) == {"observed": True}
    assert resources.get("compute:VirtualMachine", "/vm") == {"observed": True}
    resources.delete("compute:VirtualMachine", "/vm", silent)
    resources.delete("compute:VirtualMachine", "/vm", silent)
    assert resources.get("compute:VirtualMachine", "/vm") is None
    assert handler.calls == [("put", "/vm"), ("delete", "/vm")]


def test_what_disappeared_is_gone_though_it_is_recorded(resources: Resources, handler: Remembering) -> None:
    resources.put("compute:VirtualMachine", "/vm", {}, silent)
    handler.real.clear()
    assert resources.get("compute:VirtualMachine", "/vm") is None


def test_a_first_put_that_fails_is_not_there_for_the_engine_but_can_be_removed(
    resources: Resources, handler: Remembering
) -> None:
    with pytest.raises(HandlerError):
        resources.put("compute:VirtualMachine", "/bad", {}, silent)
    assert resources.get("compute:VirtualMachine", "/bad") is None
    record = records(resources).get("/bad")
    assert record is not None
    assert not record.complete


def test_an_update_that_fails_keeps_what_was_there(resources: Resources) -> None:
    records(resources).put(Record("compute:VirtualMachine", "/bad", {"size": "old"}, {}))
    with pytest.raises(HandlerError):
        resources.put("compute:VirtualMachine", "/bad", {"size": "new"}, silent)
    record = records(resources).get("/bad")
    assert record is not None
    assert (record.complete, record.properties) == (True, {"size": "old"})


def test_a_type_without_handler_is_recorded_and_said_to_be_so(resources: Resources) -> None:
    assert resources.put("recoveryservices:Vault", "/backup", {"a": 1}, silent) == {}
    assert resources.get("recoveryservices:Vault", "/backup") == {}
    assert resources.recorded_only() == {"azure-native:recoveryservices:Vault": 1}


def test_all_is_restored_networks_before_hosts_and_failures_do_not_keep_others_away(
    resources: Resources, handler: Remembering
) -> None:
    for token, identifier in (
        ("compute:VirtualMachine", "/vm"),
        ("network:NetworkInterface", "/nic"),
        ("network:NetworkInterface", "/nic-bad"),
        ("network:Subnet", "/subnet"),
    ):
        records(resources).put(Record(token, identifier, {}))
    records(resources).put(Record("compute:VirtualMachine", "/half", {}, complete=False))
    logged: list[str] = []
    resources.restore(logged.append)
    order = [identifier for _, identifier in handler.calls]
    assert order[0] == "/subnet"
    assert order[-1] == "/vm"
    assert set(order) == {"/subnet", "/nic", "/nic-bad", "/vm"}
    assert "/nic-bad could not be restored: /nic-bad does not want to" in logged


def test_one_resource_is_changed_by_one_thread_at_a_time(tmp_path: Path) -> None:
    inside = 0
    most = 0
    gate = threading.Barrier(2)

    class Slow(Remembering):
        def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.05)
            inside -= 1
            return {}

    resources = Resources(
        cast(World, SimpleNamespace(records=Records(tmp_path))), {"azure-native:compute:VirtualMachine": Slow()}
    )

    def put(spelling: str) -> None:
        gate.wait()
        resources.put("compute:VirtualMachine", spelling, {}, silent)

    threads = [threading.Thread(target=put, args=(spelling,)) for spelling in ("/VM", "/vm")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_each_type_has_its_turn() -> None:
    named: list[Any] = [kind for group in RESTORE_ORDER for kind in group]
    assert len(named) == len(set(named))
    assert restore_rank("azure-native:network:Subnet") < restore_rank("azure-native:network:NetworkInterface")
    assert restore_rank("azure-native:compute:Disk") < restore_rank("azure-native:compute:VirtualMachine")


def test_every_type_that_is_made_real_has_a_place_in_the_order_of_restoring(settings: Settings) -> None:
    """One that is forgotten would be restored before or after what it needs."""
    nothing = cast(Any, None)
    world = World(settings, Records(settings.records), nothing, nothing, settings.state, settings.state)
    real = {token.rsplit(":", 1)[-1] for token in collect(world)}
    named = {name for group in RESTORE_ORDER for name in group}
    assert real - named == set(), "add them to RESTORE_ORDER in rehearsal/supervisor/families.py"
    assert named - real == set(), "they have no handler any more"


def test_a_type_that_was_forgotten_is_restored_last() -> None:
    assert restore_rank("azure-native:network:Forgotten") > restore_rank("azure-native:compute:VirtualMachine")
