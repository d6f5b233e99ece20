"""The program under the real engine, brought up offline once: what it creates, and what a change to it changes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from fabfile.infra_commands import PREVIEW
from infra.inventory import reading
from infra.inventory.model import Inventory
from infra.preview.offline import OFFLINE
from infra.preview.plan import Plan, difference_lines, parse, render
from infra.stack.pulumi_cli import PARALLEL, Pulumi
from tests.infra.conftest import STACK, OfflineStack

TENTH = {"role": "web", "address": "10.77.3.6", "zone": "3", "size": "Standard_D2as_v5"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> OfflineStack:
    return OfflineStack(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def pulumi(stack: OfflineStack) -> Pulumi:
    """The stack, brought up offline."""
    # The state is written at the end only: after each of 189 resources, it would take nearly half of the time.
    at_the_end = {"PULUMI_EXPERIMENTAL": "true", "PULUMI_SKIP_CHECKPOINTS": "true"}
    for environment, *arguments in (
        (OFFLINE, "stack", "select", "--create", "--non-interactive"),
        (OFFLINE | at_the_end, "up", "--yes", "--skip-preview", "--parallel", str(PARALLEL)),
    ):
        result = Pulumi(STACK, stack.folder, environment).capture(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
    return Pulumi(STACK, stack.folder, OFFLINE)


@pytest.fixture
def declared(stack: OfflineStack) -> Iterator[OfflineStack]:
    """The stack, whose file the test may change; it is restored afterwards."""
    yield stack
    stack.declare(lambda topology: None)


@pytest.fixture(scope="module")
def state(pulumi: Pulumi) -> dict[str, Any]:
    exported = json.loads(pulumi.capture("stack", "export").stdout)
    assert isinstance(exported, dict)
    return exported


@pytest.fixture(scope="module")
def exported(pulumi: Pulumi) -> Inventory:
    return reading.parse(
        json.loads(pulumi.capture("stack", "output", "inventory", "--json", "--show-secrets").stdout), STACK
    )


def preview(pulumi: Pulumi) -> Plan:
    result = pulumi.capture(*PREVIEW)
    return parse(STACK, result.stdout, result.stderr)


def changes(plan: Plan) -> dict[str, list[str]]:
    """The lines of difference of each resource that would change."""
    return {
        step.name: list(difference_lines(step.old, step.new)) if step.old and step.new else [step.op]
        for step in plan.steps
        if step.is_change and ("azure-native" in step.type or "dynamic" in step.type)
    }


def test_the_inventory_is_complete(exported: Inventory) -> None:
    assert len(exported.hosts) == 9
    assert len(exported.endpoints) == 6
    assert all(host.host_keys[0].startswith("ssh-ed25519 ") for host in exported.hosts.values())
    assert exported.way_in.jump_address != exported.way_in.transfer_address
    assert exported.vault_uri.startswith("https://kv-vivendi-")
    assert all(host.certificate for host in exported.hosts_of("database"))


def test_each_host_knows_its_own_secrets_only(exported: Inventory) -> None:
    purposes = {name: set(host.secrets) for name, host in exported.hosts.items()}
    assert {"tls-key", "postgresql/replication"} <= purposes["db01"]
    assert exported.hosts["db01"].secrets["tls-key"].name == "tls-key-db01"
    areas = set(exported.endpoints)
    assert purposes["app01"] == {f"{kind}/{area}" for area in areas for kind in ("postgresql", "smb")}
    assert purposes["file01"] == {"tls-key", "backup/key", *(f"smb/{share}" for share in areas | {"incoming"})}
    assert purposes["xfer01"] == {"smb/incoming"}
    assert purposes["web01"] == purposes["mgmt01"] == set()
    assert all(reference.version for host in exported.hosts.values() for reference in host.secrets.values())


def test_components_and_credentials_have_the_types_that_existing_stacks_know(state: dict[str, Any]) -> None:
    """A type is part of the URN: under another one, Pulumi would replace everything below the component."""
    types = {entry["type"] for entry in state["deployment"]["resources"]}
    components = {kind.removeprefix("livegang:infra:") for kind in types if kind.startswith("livegang:")}
    assert components == {
        "Credentials", "Endpoints", "Machine", "Network", "PrivateNames", "PublicNames", "Vault", "WayIn",
    }  # fmt: skip
    credentials = {kind for kind in types if kind.startswith("pulumi-python:dynamic/")}
    assert credentials == {
        f"pulumi-python:dynamic/livegang:{kind}" for kind in ("Authority", "HostCertificate", "HostKey", "Password")
    }


def test_each_right_is_for_one_secret(state: dict[str, Any]) -> None:
    """At the vault's scope every host could read every other's."""
    scopes = [entry["inputs"]["scope"] for entry in of_type(state, "authorization:RoleAssignment")]
    assert scopes
    assert all("/secrets/" in scope for scope in scopes)


@pytest.mark.parametrize("canary", ["PRIVATE KEY", "I2Nsb3VkLWNvbmZpZ"], ids=["private keys", "custom data"])
def test_no_secret_is_in_plain_text_in_the_state(state: dict[str, Any], canary: str) -> None:
    assert canary not in json.dumps(state)


def test_passwords_and_the_pfx_are_encrypted_in_the_state(state: dict[str, Any]) -> None:
    secrets = of_type(state, "keyvault:Secret")
    assert len(secrets) == 19
    for entry in secrets:
        value = entry["inputs"]["properties"]
        # Either the property or the whole object is a ciphertext.
        assert "ciphertext" in value or "ciphertext" in value["value"], entry["urn"]


@pytest.fixture(scope="module")
def refreshed(pulumi: Pulumi, state: dict[str, Any]) -> str:
    """The state after a refresh, which found everything as it was made."""
    result = pulumi.capture("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert result.returncode == 0, result.stdout + result.stderr
    return pulumi.capture("stack", "export").stdout


def test_secrets_stay_encrypted_after_a_refresh(refreshed: str, state: dict[str, Any]) -> None:
    assert "PRIVATE KEY" not in refreshed
    assert refreshed.count("ciphertext") == json.dumps(state).count("ciphertext")


@pytest.mark.usefixtures("refreshed")
def test_nothing_changes_without_a_change(pulumi: Pulumi) -> None:
    result = pulumi.capture("preview", "--expect-no-changes", "--non-interactive")
    assert result.returncode == 0, result.stdout


def test_every_subnet_is_private_and_has_a_group(state: dict[str, Any]) -> None:
    subnets = of_type(state, "network:Subnet")
    assert len(subnets) == 7
    for subnet in subnets:
        assert subnet["inputs"]["defaultOutboundAccess"] is False
        assert subnet["inputs"]["networkSecurityGroup"]["id"]


def test_data_disks_outlive_their_machines(state: dict[str, Any]) -> None:
    machines = [entry["inputs"] for entry in of_type(state, "compute:VirtualMachine")]
    disks = [disk for machine in machines for disk in machine["storageProfile"].get("dataDisks", [])]
    assert len(disks) == 3
    assert all((disk["createOption"], disk["deleteOption"], disk["lun"]) == ("Attach", "Detach", 0) for disk in disks)


def test_no_host_has_a_public_address(state: dict[str, Any]) -> None:
    for interface in of_type(state, "network:NetworkInterface"):
        for configuration in interface["inputs"]["ipConfigurations"]:
            assert "publicIPAddress" not in configuration


@pytest.fixture(scope="module")
def three_changes(pulumi: Pulumi, stack: OfflineStack) -> Plan:
    """The preview of three changes that do not meet: one flow less, one host more, another size."""

    def change(topology: dict[str, Any]) -> None:
        topology["flows"].pop("database-from-application")
        topology["hosts"]["web03"] = TENTH
        topology["hosts"]["web01"].update(size="Standard_D8as_v5")
        topology["expected"]["hosts"] = 10

    stack.declare(change)
    plan = preview(pulumi)
    stack.declare(lambda topology: None)
    return plan


OF_THE_FLOW = {"nsg-database", "nsg-application"}
OF_THE_HOST = {"vm-web03", "nic-web03", "id-web03", "host-key-web03", "host-web03", "agw-vivendi"}
OF_THE_SIZE = {"vm-web01"}


def test_removing_a_flow_names_its_rules_and_nothing_else(three_changes: Plan) -> None:
    found = changes(three_changes)
    assert set(found) - OF_THE_HOST - OF_THE_SIZE == OF_THE_FLOW
    assert [line.split(":")[0] for line in found["nsg-database"]] == ['- securityRules["database-from-application"]']
    assert [line.split(":")[0] for line in found["nsg-application"]] == [
        '- securityRules["database-from-application-out"]'
    ]


def test_another_host_leaves_the_others_as_they_are(three_changes: Plan) -> None:
    found = changes(three_changes)
    assert found["agw-vivendi"]  # the gateway's pool gets the new host's address
    assert set(found) - OF_THE_FLOW - OF_THE_SIZE == OF_THE_HOST


def test_another_size_updates_one_machine(three_changes: Plan) -> None:
    found = changes(three_changes)
    assert found["vm-web01"] == ['~ hardwareProfile.vmSize: "Standard_D2as_v5" → "Standard_D8as_v5"']
    assert set(found) - OF_THE_FLOW - OF_THE_HOST == OF_THE_SIZE


def test_a_plan_is_shown_with_its_machines_its_endpoints_and_what_differs(three_changes: Plan) -> None:
    text = io.StringIO()
    Console(file=text, width=120).print(render(three_changes, with_differences=True))
    to_update = len(OF_THE_FLOW | OF_THE_SIZE | {"agw-vivendi"})
    for part in ("10 virtual machines", "6 mobile endpoints", f"{to_update} to update", "~ hardwareProfile.vmSize"):
        assert part in text.getvalue()


def of_type(state: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [entry for entry in state["deployment"]["resources"] if entry["type"] == f"azure-native:{kind}"]


def test_a_machine_that_is_replaced_on_purpose_is_deleted_before_its_successor_is_created(pulumi: Pulumi) -> None:
    machine = f"urn:pulumi:{STACK}::livegang::livegang:infra:Machine$azure-native:compute:VirtualMachine::vm-web01"
    result = pulumi.capture("up", "--yes", "--skip-preview", "--target-replace", machine)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 replaced" in result.stdout


def test_pulumi_typed_by_hand_reports_every_mistake_without_a_traceback(pulumi: Pulumi, declared: OfflineStack) -> None:
    declared.declare(lambda topology: topology.update(protekt=True, domain={"zone": "mobil.livegang.test"}))
    result = pulumi.capture("preview", "--non-interactive")
    output = result.stdout + result.stderr
    assert result.returncode != 0
    assert "Traceback" not in output
    for part in ("Pulumi.rehearsal.yaml has 2 mistakes", "Did you mean protect?", "domain.ttl: is missing"):
        assert part in output
