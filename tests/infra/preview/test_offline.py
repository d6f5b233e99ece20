"""Any stack is previewed offline under the real engine: nine machines, six endpoints, nothing secret, no trace."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from console import ExpectedError
from fabfile.infra_commands import PREVIEW
from infra.preview.offline import OfflineProject, offline_project
from infra.preview.plan import Plan, parse
from infra.stack.loading import load
from infra.stack.topology import KEY
from toolchain.folders import PROJECT


@pytest.fixture(autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state folder of the test's own: the clone's stays as it is."""
    monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path_factory.mktemp("state")))


def preview(project: OfflineProject, stack: str) -> Plan:
    result = project.pulumi.capture(*PREVIEW)
    return parse(stack, result.stdout, result.stderr)


def project_with(folder: Path, stack: str, **changes: Any) -> Path:
    """A project folder with one stack of the clone, its topology changed."""
    shutil.copy(PROJECT / "Pulumi.yaml", folder)
    (folder / "infra").symlink_to(PROJECT / "infra")
    document = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())
    document["config"][KEY] |= changes
    (folder / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump(document))
    return folder


def assert_creates(plan: Plan, machines: int, endpoints: int) -> None:
    assert len(plan.of_type("compute:VirtualMachine")) == machines
    assert len(plan.of_type("dns:RecordSet")) == endpoints
    assert set(plan.changes) == {"create"}
    kept = plan.to_json()
    assert "PRIVATE KEY" not in kept
    assert str(PROJECT) not in kept


@pytest.mark.parametrize(("stack", "machines", "endpoints"), [("rehearsal", 9, 6), ("prod", 9, 6), ("example", 12, 4)])
def test_a_stack_previews_with_its_machines_and_endpoints(stack: str, machines: int, endpoints: int) -> None:
    with offline_project(stack) as project:
        assert_creates(preview(project, stack), machines, endpoints)


def test_an_operators_own_backend_and_passphrase_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One who works with `prod` has set these, and its stack file is encrypted with that passphrase."""
    folder, backend = project_with(tmp_path, "small"), tmp_path / "backend"
    backend.mkdir()
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend.as_uri())
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "the operator's own")
    file = folder / "Pulumi.small.yaml"
    salt = "v1:vI3g/Rb4lCk=:v1:ycyeXwpKVYmQLqZC:AAAAtmxqEgbNnc4P0Bzm5Ir6hIJoIg=="
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "encryptionsalt": salt}))
    with offline_project("small", folder):
        pass  # creates the stack; the preview below finds it
    with offline_project("small", folder) as project:
        assert_creates(preview(project, "small"), machines=3, endpoints=1)
    assert list(backend.iterdir()) == []
    assert not (tmp_path / "home").exists()


def test_missing_files_are_replaced_and_named(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "prod", certificate={"pfx_file": "/nowhere/gateway.pfx"})
    with offline_project("prod", folder) as project:
        assert project.replaced == ["/nowhere/gateway.pfx"]
        scratch = project.pulumi.folder
        document = yaml.safe_load((scratch / "Pulumi.prod.yaml").read_text())
        assert load(document["config"][KEY], "prod", scratch)


def test_an_offline_preview_leaves_no_trace_in_the_project(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "prod")
    before = (folder / "Pulumi.prod.yaml").read_bytes(), sorted(path.name for path in folder.iterdir())
    with offline_project("prod", folder) as project:
        scratch = project.pulumi.folder
    assert ((folder / "Pulumi.prod.yaml").read_bytes(), sorted(path.name for path in folder.iterdir())) == before
    assert not scratch.exists()


def test_every_mistake_of_a_stack_is_reported_before_anything_is_touched(tmp_path: Path) -> None:
    folder = project_with(
        tmp_path, "prod", expected={"hosts": 10, "endpoints": 6}, protekt=True, domain={"zone": "mobil.example.org"}
    )
    with pytest.raises(ExpectedError) as caught, offline_project("prod", folder):
        pass
    message = str(caught.value)
    for part in (
        "Pulumi.prod.yaml has 3 mistakes",
        f"{KEY}.hosts: 9",
        "Did you mean protect?",
        "domain.ttl: is missing",
    ):
        assert part in message


def test_a_stack_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "prod")
    with pytest.raises(ExpectedError, match="There is no stack prdo") as caught, offline_project("prdo", folder):
        pass
    assert "Stacks: prod" in str(caught.value)


def test_an_unknown_key_of_the_project_is_refused(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "prod")
    document = yaml.safe_load((folder / "Pulumi.prod.yaml").read_text())
    document["config"]["livegang:topologi"] = json.loads("{}")
    (folder / "Pulumi.prod.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ExpectedError, match="Did you mean livegang:topology"), offline_project("prod", folder):
        pass


def test_a_duplicate_host_name_is_refused(tmp_path: Path) -> None:
    folder = project_with(tmp_path, "prod")
    file = folder / "Pulumi.prod.yaml"
    file.write_text(file.read_text().replace("      db02:", "      db01:"))
    with pytest.raises(ExpectedError, match="duplicate key 'db01'"), offline_project("prod", folder):
        pass
