"""Making, adopting, refreshing and removing, without an engine."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rehearsal.provider.backends import OfflineManager
from rehearsal.provider.errors import Cancelled, HalfMade, NotKnown, ProviderError, Refused
from rehearsal.provider.ledger import Ledger
from rehearsal.provider.values import UNKNOWN, Properties, Secret, split
from tests.rehearsal.provider.samples import NETWORK, changed, sample
from tests.rehearsal.provider.stubs import MemoryManager, provider, urn

SUBNET = urn("network:Subnet")


def test_the_manager_is_given_secrets_and_defaults_the_state_is_not(tmp_path: Path) -> None:
    manager = MemoryManager()
    given = changed(sample("keyvault:Secret"), "properties.value", Secret("canary"))
    inputs, marks = split(given)
    identifier, outputs = provider(tmp_path, manager).create(urn("keyvault:Secret"), inputs, marks)
    assert manager.things[identifier]["properties"]["value"] == "canary"
    assert manager.things[identifier]["properties"]["attributes"] == {"enabled": True}
    assert "canary" not in str(marks.join(outputs))
    assert "canary" not in (tmp_path / "ledger.json").read_text()


def test_another_value_is_another_version_and_the_same_value_the_same(tmp_path: Path) -> None:
    one, two = provider(tmp_path, MemoryManager()), sample("keyvault:Secret")
    identifier, first = one.create(urn("keyvault:Secret"), two)
    again = one.update(urn("keyvault:Secret"), identifier, two, two, first)
    other = one.update(urn("keyvault:Secret"), identifier, two, changed(two, "properties.value", "other"), first)
    versions = [o["properties"]["secretUriWithVersion"] for o in (first, again, other)]
    assert versions[0] == versions[1] != versions[2]


def test_what_an_interrupted_run_left_is_adopted(tmp_path: Path) -> None:
    manager = MemoryManager()
    provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    # A new process, whose engine does not have the subnet in its state.
    identifier, _ = provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    assert identifier in manager.things


@pytest.mark.parametrize("how", ["the run came to its end", "the engine spoke of it"])
def test_what_a_finished_run_made_is_not_made_again(tmp_path: Path, how: str) -> None:
    manager = MemoryManager()
    first = provider(tmp_path, manager)
    identifier, _ = first.create(SUBNET, sample("network:Subnet"))
    if how == "the run came to its end":
        first.end()
    else:
        provider(tmp_path, manager).diff(SUBNET, identifier, sample("network:Subnet"), sample("network:Subnet"))
    with pytest.raises(Refused, match=r"cannot create already existing resource.*delete_before_replace"):
        provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))


def test_what_was_lost_and_left_again_by_an_interrupted_run_is_adopted(tmp_path: Path) -> None:
    manager = MemoryManager()
    first = provider(tmp_path, manager)
    identifier, _ = first.create(SUBNET, sample("network:Subnet"))
    first.end()
    manager.things.clear()
    provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    # A new process, whose engine does not have the second one in its state.
    provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    assert identifier in manager.things


def test_a_refresh_does_not_take_for_whole_what_was_half_made(tmp_path: Path) -> None:
    manager, machine = MemoryManager(), sample("compute:VirtualMachine")
    one, name = provider(tmp_path, manager), urn("compute:VirtualMachine")
    manager.failures[""] = "cloud-init ended with error: No space left on device"
    with pytest.raises(HalfMade) as made:
        one.create(name, machine)
    manager.failures.clear()
    manager.things[made.value.identifier] = {}
    # What the launcher notes of a create that was killed: it knows of no outputs but what was declared.
    with pytest.raises(HalfMade, match="did not come to its end") as found:
        one.read(name, made.value.identifier, machine, machine)
    assert found.value.outputs == made.value.outputs, "of the shape that outputs have"
    outputs = one.update(name, made.value.identifier, machine, machine, found.value.outputs)
    assert one.read(name, made.value.identifier, machine, outputs) == (machine, outputs)


def test_another_resource_of_the_same_id_is_refused(tmp_path: Path) -> None:
    manager = MemoryManager()
    provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    with pytest.raises(Refused, match=r"cannot create already existing resource.*belongs to urn:.*::it"):
        provider(tmp_path, manager).create(urn("network:Subnet", "twin"), sample("network:Subnet"))


def test_a_machine_that_does_not_come_up_stays_in_the_state(tmp_path: Path) -> None:
    manager = MemoryManager()
    manager.failures[""] = "cloud-init ended with error: No space left on device"
    with pytest.raises(HalfMade, match="No space left") as caught:
        provider(tmp_path, manager).create(urn("compute:VirtualMachine"), sample("compute:VirtualMachine"))
    assert caught.value.identifier.endswith("/virtualMachines/vm")
    assert caught.value.inputs == sample("compute:VirtualMachine")


def test_of_what_was_refused_nothing_stays_in_the_state(tmp_path: Path) -> None:
    manager = MemoryManager()
    manager.failures[""] = "the bridge cannot be made"
    with pytest.raises(ProviderError, match="the bridge cannot be made") as caught:
        provider(tmp_path, manager).create(SUBNET, sample("network:Subnet"))
    assert not isinstance(caught.value, HalfMade)


def test_a_preview_never_asks_the_manager(tmp_path: Path) -> None:
    manager = MemoryManager()
    one, inputs = provider(tmp_path, manager), sample("compute:VirtualMachine")
    one.check(urn("compute:VirtualMachine"), {}, inputs, b"")
    one.preview_create(urn("compute:VirtualMachine"), inputs)
    one.diff(urn("compute:VirtualMachine"), "/vm", inputs, inputs)
    one.preview_update(urn("compute:VirtualMachine"), "/vm", inputs, inputs, {})
    assert manager.calls == []


def test_a_preview_knows_what_it_can_and_no_more(tmp_path: Path) -> None:
    outputs = provider(tmp_path, MemoryManager()).preview_create(urn("keyvault:Vault"), sample("keyvault:Vault"))
    assert outputs["properties"]["vaultUri"] is UNKNOWN
    assert outputs["properties"]["tenantId"] == sample("keyvault:Vault")["properties"]["tenantId"]
    assert outputs["name"] is UNKNOWN


def test_drift_is_found_and_its_repair_too(tmp_path: Path) -> None:
    manager, name = MemoryManager(), "dns:RecordSet"
    one, inputs = provider(tmp_path, manager), sample("dns:RecordSet")
    identifier, outputs = one.create(urn(name), inputs)
    manager.observed[identifier] = {"ttl": 5}
    drifted = one.read(urn(name), identifier, inputs, outputs)
    assert drifted is not None
    assert drifted[0] == {**inputs, "ttl": 5}
    # Mended by hand: the state still has what the last refresh found.
    manager.observed[identifier] = {}
    repaired = one.read(urn(name), identifier, *drifted)
    assert repaired is not None
    assert repaired[0]["ttl"] == 60


def test_what_is_gone_is_gone(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    assert one.read(SUBNET, "/subnet", sample("network:Subnet"), {}) is None


def test_deleting_twice_is_no_error(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    identifier, _ = one.create(SUBNET, sample("network:Subnet"))
    one.delete(SUBNET, identifier)
    one.delete(SUBNET, identifier)


def test_a_used_subnet_is_not_deleted(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    subnet, _ = one.create(SUBNET, sample("network:Subnet"))
    nic_urn = urn("network:NetworkInterface")
    interface, _ = one.create(
        nic_urn, changed(sample("network:NetworkInterface"), "ipConfigurations[0].subnet.id", subnet)
    )
    with pytest.raises(Refused, match=r"used by .*/networkInterfaces/nic \(InUseSubnetCannotBeDeleted\)"):
        one.delete(SUBNET, subnet)
    one.delete(nic_urn, interface)
    one.delete(SUBNET, subnet)


def test_a_user_that_is_gone_does_not_hold_what_it_used(tmp_path: Path) -> None:
    manager = MemoryManager()
    one = provider(tmp_path, manager)
    subnet, _ = one.create(SUBNET, sample("network:Subnet"))
    inputs = changed(sample("network:NetworkInterface"), "ipConfigurations[0].subnet.id", subnet)
    interface, _ = one.create(urn("network:NetworkInterface"), inputs)
    del manager.things[interface]
    one.delete(SUBNET, subnet)


def test_an_update_that_azure_refuses_is_not_tried(tmp_path: Path) -> None:
    manager, name = MemoryManager(), urn("compute:VirtualMachine")
    one, old = provider(tmp_path, manager), sample("compute:VirtualMachine")
    identifier, outputs = one.create(name, old)
    manager.calls.clear()
    with pytest.raises(Refused, match=r"osProfile\.adminUsername: .*PropertyChangeNotAllowed"):
        one.update(name, identifier, old, changed(old, "osProfile.adminUsername", "other"), outputs)
    assert manager.calls == []


class SlowManager(MemoryManager):
    def __init__(self) -> None:
        super().__init__()
        self.started, self.go_on = threading.Event(), threading.Event()

    def put(self, *arguments: object) -> Properties:
        self.started.set()
        self.go_on.wait(10)
        return {}


def test_when_the_user_ends_the_run_nothing_is_waited_for(tmp_path: Path) -> None:
    manager = SlowManager()
    one = provider(tmp_path, manager)

    def cancel() -> None:
        manager.started.wait(10)
        one.cancelled.set()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    with pytest.raises(Cancelled, match="The next `pulumi up` goes on"):
        one.create(SUBNET, sample("network:Subnet"))
    canceller.join()
    manager.go_on.set()


def test_an_unknown_type_is_named_with_what_is_known() -> None:
    from rehearsal.provider.provider import resource_type

    with pytest.raises(NotKnown, match=r"azure-native:storage:StorageAccount.*It knows authorization:RoleAssignment"):
        resource_type(urn("storage:StorageAccount"))


def test_names_and_locations_are_filled_in_as_azures_provider_does(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    group, _ = one.check(urn("resources:ResourceGroup", "rg"), {}, {}, b"seed")
    assert group["resourceGroupName"].startswith("rg")
    assert group["__createBeforeDelete"] is True
    assert group["location"] == "germanywestcentral"
    kept, _ = one.check(urn("resources:ResourceGroup", "rg"), group, {}, b"other")
    assert kept == group
    subnet, _ = one.check(SUBNET, {}, sample("network:Subnet", subnetName=None), b"")
    assert subnet["subnetName"] == "it"
    assert "__createBeforeDelete" not in subnet


def test_a_zone_needs_its_location_said(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    _, failures = one.check(urn("dns:Zone"), {}, sample("dns:Zone", location=None), b"")
    assert [failure.path for failure in failures] == ["location"]
    assert "Global" in failures[0].reason


def test_offline_addresses_are_given_once_and_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.json")
    one = provider(tmp_path, OfflineManager(ledger))
    name, inputs = "network:PublicIPAddress", sample("network:PublicIPAddress")
    identifier, first = one.create(urn(name), inputs)
    _, second = one.create(urn(name, "two"), {**inputs, "publicIpAddressName": "pip2"})
    again = one.update(urn(name), identifier, inputs, inputs, first)
    assert first["ipAddress"] == again["ipAddress"] != second["ipAddress"]


def test_offline_a_dynamic_private_address_is_the_first_free_one(tmp_path: Path) -> None:
    one = provider(tmp_path, OfflineManager(Ledger(tmp_path / "ledger.json")))
    subnet, _ = one.create(SUBNET, sample("network:Subnet"))
    addresses = []
    for name in ("a", "b"):
        inputs = sample(
            "network:NetworkInterface",
            networkInterfaceName=name,
            ipConfigurations=[{"name": "primary", "subnet": {"id": subnet}}],
        )
        _, outputs = one.create(urn("network:NetworkInterface", name), inputs)
        addresses.append(outputs["ipConfigurations"][0]["privateIPAddress"])
    assert addresses == ["10.0.1.4", "10.0.1.5"]


def test_offline_what_is_known_can_be_imported(tmp_path: Path) -> None:
    one = provider(tmp_path, OfflineManager(Ledger(tmp_path / "ledger.json")))
    inputs = sample("network:Subnet")
    identifier, _ = one.create(SUBNET, inputs)
    found = one.read(SUBNET, identifier, None, {})
    assert found is not None
    assert inputs.items() <= found[0].items()


def test_parts_of_a_gateway_are_named_by_full_ids(tmp_path: Path) -> None:
    one = provider(tmp_path, MemoryManager())
    identifier, outputs = one.create(urn("network:ApplicationGateway"), sample("network:ApplicationGateway"))
    assert identifier == f"{NETWORK}/applicationGateways/agw"
    (listener,) = outputs["httpListeners"]
    assert listener["id"] == f"{identifier}/httpListeners/kita"
    assert listener["frontendPort"] == {"id": f"{identifier}/frontendPorts/https"}
