"""The real engine with the stand-in offline: what an operator types, and what it then says."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.output import changes
from tests.rehearsal.provider.engine import RESOURCES, Project, serving
from tests.rehearsal.provider.stubs import MemoryManager
from toolchain import engines
from toolchain.launcher import find_cli
from toolchain.pulumi_home import SUBSCRIPTION

pytestmark = pytest.mark.skipif(find_cli() is None, reason="there is no Pulumi CLI: make preview obtains it")

MACHINE = "urn:pulumi:test::livegang::azure-native:compute:VirtualMachine::machine"
SECRET = "urn:pulumi:test::livegang::azure-native:keyvault:Secret::secret"
DISK = "urn:pulumi:test::livegang::azure-native:compute:Disk::disk"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The program, brought up; each test leaves it as it was declared."""
    made = Project(tmp_path_factory.mktemp("engine"))
    made.up()
    yield made
    made.run("destroy", "--yes", "--skip-preview")
    assert made.state() == []
    assert made.ledger.all() == {}


def test_a_second_run_and_two_refreshes_find_nothing(project: Project) -> None:
    assert len(project.state()) == RESOURCES
    project.run("preview", "--refresh", "--expect-no-changes")
    project.run("refresh", "--yes", "--expect-no-changes")
    project.run("preview", "--refresh", "--expect-no-changes")


def test_no_secret_is_in_clear_in_state_ledger_or_log(project: Project) -> None:
    project.up(secret="1")
    files = [file for file in project.home.state.rglob("*") if file.is_file()]
    assert files
    assert [file for file in files if b"CANARY" in file.read_bytes()] == []
    assert "CANARY" not in project.run("stack", "export")
    assert "CANARY" in project.run("stack", "export", "--show-secrets")


def test_a_removed_rule_is_one_removed_rule(project: Project) -> None:
    steps = project.steps(without="two")
    assert list(steps) == ["security"]
    assert steps["security"]["op"] == "update"
    assert steps["security"]["detailedDiff"] == {"securityRules[1]": {"kind": "delete", "inputDiff": True}}


def test_a_rule_deleted_behind_pulumis_back_is_named_and_restored(project: Project) -> None:
    ledger = project.ledger
    with ledger.changing() as entries:
        key = next(key for key in entries if key.endswith("/networksecuritygroups/nsg"))
        kept = [rule for rule in entries[key].outputs["securityRules"] if rule["name"] != "two"]
        entries[key] = dataclasses.replace(entries[key], observed={"securityRules": kept})
    found = project.run("preview", "--refresh", "--diff")
    assert '"two"' in found
    assert list(project.steps("--refresh")) == ["security"]
    output = project.up("--refresh").splitlines()
    printed = list(changes(output))
    assert [line for line in printed if "azure-native:" in line] == [line for line in output if "[diff: ~" in line]
    assert len(printed) < 2 * RESOURCES < len(output)
    project.run("preview", "--refresh", "--expect-no-changes")


def test_a_misspelt_property_is_named_with_its_full_path(project: Project) -> None:
    code, output = project.attempt("preview", misspelt=True)
    assert code != 0
    assert "osProfile.linuxConfiguraton: unknown property; the nearest known is 'linuxConfiguration'" in output
    assert "Traceback" not in output


def test_another_administrator_is_refused_in_the_preview(project: Project) -> None:
    code, output = project.attempt("preview", user="other")
    assert code != 0
    assert "osProfile.adminUsername: Azure does not change this" in output
    assert "PropertyChangeNotAllowed" in output


def test_a_reserved_address_is_refused_in_the_preview(project: Project) -> None:
    code, output = project.attempt("preview", address="10.77.1.3")
    assert code != 0
    assert "ipConfigurations[0].privateIPAddress: 10.77.1.3 is one of the five addresses" in output


def test_another_size_is_an_update_of_one_machine(project: Project) -> None:
    steps = project.steps(size="Standard_D8as_v5")
    assert {name: step["op"] for name, step in steps.items()} == {"machine": "update"}
    assert list(steps["machine"]["detailedDiff"]) == ["hardwareProfile.vmSize"]


def test_an_unknown_type_is_named(project: Project) -> None:
    code, output = project.attempt("preview", unknown=True)
    assert code != 0
    assert "does not know the type azure-native:storage:StorageAccount" in output
    assert "Exception calling application" not in output


def test_a_machine_is_replaced_on_demand_and_may_then_change(project: Project) -> None:
    project.up("--target-replace", MACHINE, user="other")
    assert [r["inputs"]["osProfile"]["adminUsername"] for r in project.state() if r["urn"] == MACHINE] == ["other"]
    project.up("--target-replace", MACHINE)
    project.run("preview", "--refresh", "--expect-no-changes")


def test_an_attached_disk_is_not_deleted(project: Project) -> None:
    code, output = project.attempt("up", "--yes", "--skip-preview", "--target-replace", DISK)
    assert code != 0
    assert "while it is used by" in output
    assert "/virtualMachines/vm" in output
    project.run("preview", "--refresh", "--expect-no-changes")


def test_a_new_value_of_a_secret_is_a_new_version(project: Project) -> None:
    before = project.run("stack", "output", "secret")
    # customData holds the same value: the machine with it has to be replaced, or Azure would refuse.
    project.up("--target", SECRET, secret="2")
    assert project.run("stack", "output", "secret") != before
    project.up("--target", SECRET)
    assert project.run("stack", "output", "secret") == before


def test_a_machine_that_did_not_come_up_is_repaired_by_the_next_up(tmp_path: Path) -> None:
    project, manager = Project(tmp_path), MemoryManager()
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-test"
    manager.observed[f"{group}/providers/Microsoft.Network/publicIPAddresses/pip"] = {"ipAddress": "198.51.100.7"}
    manager.failures["/virtualMachines/vm"] = "the host did not boot: its log ends here"
    with serving(project, manager):
        code, output = project.attempt("up", "--yes", "--skip-preview")
        assert code != 0
        assert "the host did not boot: its log ends here" in output
        assert MACHINE in [resource["urn"] for resource in project.state()]
        manager.failures.clear()
        steps = project.steps()
        assert {name: step["op"] for name, step in steps.items()} == {"machine": "update"}
        project.up()
        project.run("preview", "--refresh", "--expect-no-changes")


def test_a_killed_up_goes_on_where_it_ended(tmp_path: Path) -> None:
    project = Project(tmp_path)
    engine = project.start("up", "--yes", "--skip-preview")
    deadline = time.monotonic() + 120
    while not project.ledger.all():
        assert time.monotonic() < deadline, "nothing was made in two minutes"
        assert engine.poll() is None, engine.communicate()[0]
        time.sleep(0.005)
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    # As the launcher does: the language host would notice in five minutes only.
    assert engines.end_orphans(Path(project.environment["PULUMI_HOME"]))
    project.run("cancel", "--yes")
    project.up()
    assert len(project.state()) == RESOURCES
    project.run("preview", "--refresh", "--expect-no-changes")
    project.run("destroy", "--yes", "--skip-preview")
    assert project.ledger.all() == {}
