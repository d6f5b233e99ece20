"""What must hold after a recovery: nothing doubled, nothing left, nothing to do, data disks as they were."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

from rehearsal.control import kernel
from rehearsal.machines.disks import GIB
from tests.drills.stage import Stage
from tests.processes import command_lines
from tests.rehearsal.machines.small_world import Traces
from toolchain import engines

MARK = b"Livegang: what is on a data disk stays there.\n"
MARK_AT = GIB - 4096
"""In the middle of the drill's disks, where a file system of this size has nothing of its own yet."""

ON_DISK = "/data/postgresql/livegang-drill"


def assert_whole(stage: Stage) -> None:
    """The landscape is complete, once, and its Pulumi state says so too."""
    deployment = stage.state()
    assert not deployment.get("pending_operations"), deployment["pending_operations"]
    resources = deployment["resources"]
    assert _doubled(resource["urn"] for resource in resources) == []
    assert _doubled(f"{r['type']} {r['id'].lower()}" for r in resources if r.get("id")) == []
    assert [r["urn"] for r in resources if r.get("delete") or r.get("initErrors")] == []
    assert list((stage.settings.backend / ".pulumi" / "locks").rglob("*.json")) == []

    machines = {r["id"].lower() for r in resources if r["type"] == "azure-native:compute:VirtualMachine"}
    disks = {r["id"].lower() for r in resources if r["type"] == "azure-native:compute:Disk"}
    records = [json.loads(file.read_bytes()) for file in stage.settings.records.glob("[!.]*.json")]
    assert _doubled(record["id"].lower() for record in records) == []
    azure = {r["id"].lower() for r in resources if r["type"].startswith("azure-native:")}
    assert {record["id"].lower() for record in records} == azure, "made and known to Pulumi are the same"
    assert [record["id"] for record in records if not record["complete"]] == []
    assert {identifier.lower() for identifier in stage.made()} == azure

    hosts = stage.hosts()
    assert set(hosts.values()) == {"running"}, hosts
    assert len(hosts) == len(machines)
    for name in hosts:
        assert len(stage.in_group(f"hosts/{name}", "systemd-nspawn")) == 1, name
    groups = sorted(path.name for path in (stage.group / "hosts").iterdir() if path.is_dir())
    assert groups == sorted(hosts), "every group of processes is one host's"
    assert len(Traces.of(stage.settings).loop_devices) == len(disks)
    supervisors = [
        line
        for line in command_lines().values()
        if f"-m rehearsal.supervisor {stage.settings.state}" in line and line.startswith("unshare ")
    ]
    assert len(supervisors) == 1, supervisors
    assert_no_engine_left(stage)
    stage.pulumi("preview", "--refresh", "--expect-no-changes")


def assert_no_engine_left(stage: Stage) -> None:
    home = stage.settings.pulumi_home
    assert engines.engines(home) == []
    assert engines.orphans(home) == []


def assert_nothing_left(stage: Stage) -> None:
    """After `down`: no process, mount, namespace, loop device, lock or control group."""
    settings = stage.settings
    traces = Traces.of(settings)
    assert not traces.mounts
    assert not traces.loop_devices
    assert [line for line in traces.processes if "rehearsal" in line or "pulumi" in line] == []
    assert traces.namespaces - stage.namespaces_before == frozenset(), "named on the machine itself"
    assert not stage.group.exists()
    assert not settings.runtime.exists()
    assert not kernel.lives(settings.identifier)
    assert engines.of_home(settings.pulumi_home) == []
    assert sorted(path.name for path in settings.state.iterdir()) == ["artifacts", "keys"]


def mark_disks(stage: Stage) -> int:
    """Write to every data disk there is, past its file system; returns how many."""
    files = _disks(stage)
    for file in files:
        with file.open("r+b") as opened:
            opened.seek(MARK_AT)
            opened.write(MARK)
    return len(files)


def assert_marked(stage: Stage, count: int) -> None:
    found = 0
    for file in _disks(stage):
        with file.open("rb") as opened:
            opened.seek(MARK_AT)
            found += opened.read(len(MARK)) == MARK
    assert found == count, f"{found} of {count} data disks have kept what was written to them"


def write_to_database(stage: Stage) -> None:
    """A table in the database and a file on its disk."""
    stage.ssh("db01", f"echo kept | sudo -u postgres tee {ON_DISK} && sync")
    _sql(stage, "CREATE TABLE IF NOT EXISTS drill (kept text); DELETE FROM drill; INSERT INTO drill VALUES ('kept')")


def assert_in_database(stage: Stage) -> None:
    assert stage.ssh("db01", f"sudo -u postgres cat {ON_DISK}").stdout == "kept\n"
    assert _sql(stage, "SELECT kept FROM drill") == "kept"


def backing_files(stage: Stage) -> list[str]:
    """The loop devices' files of this rehearsal, for messages."""
    reported = subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout
    return [line for line in reported.splitlines() if str(stage.settings.state) in line]


def _sql(stage: Stage, statement: str) -> str:
    return stage.ssh("db01", f'sudo -u postgres psql -d vivendi -qtAc "{statement}"').stdout.strip()


def _disks(stage: Stage) -> list[Path]:
    return [file for file in stage.settings.disks.glob("*") if file.is_file() and file.stat().st_size >= GIB]


def _doubled(names: object) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]  # type: ignore[call-overload]
