"""What a killed engine leaves behind: pending operations, files opened and not written, orphaned plugins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.provider import recovery
from rehearsal.provider.ledger import Entry, Ledger
from tests.rehearsal.provider.engine import RESOURCES, Project
from toolchain import engines
from toolchain.launcher import find_cli

DISK, VNET = "urn:pulumi:test::p::azure-native:compute:Disk::disk", "urn:pulumi:test::p::azure-native:network:V::vnet"
ID = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/disks/disk"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "ledger.json")
    with ledger.changing() as entries:
        entries[ID.lower()] = Entry(ID, "azure-native:compute:Disk", DISK)
    return ledger


def _pending(kind: str, urn: str) -> dict[str, Any]:
    return {"type": kind, "resource": {"urn": urn, "custom": True, "inputs": {"a": 1}}}


def _settled(ledger: Ledger, *pending: dict[str, Any], **present: Any) -> dict[str, dict[str, Any]]:
    resources = [{"urn": urn, "id": "there", **more} for urn, more in present.items()]
    deployment = {"resources": resources, "pending_operations": list(pending)}
    recovery.settle(deployment, ledger)
    assert "pending_operations" not in deployment
    return {resource["urn"]: resource for resource in deployment["resources"]}


def test_what_was_being_made_is_half_made_under_its_id(ledger: Ledger) -> None:
    assert _settled(ledger, _pending("creating", DISK)) == {
        DISK: {"urn": DISK, "custom": True, "inputs": {"a": 1}, "id": ID, "initErrors": [recovery.INTERRUPTED]}
    }


def test_what_the_stand_in_never_heard_of_is_not_there(ledger: Ledger) -> None:
    assert _settled(ledger, _pending("creating", VNET)) == {}


@pytest.mark.parametrize("kind", ["creating", "updating", "deleting"])
def test_what_is_in_the_state_already_is_not_doubled_but_looked_after(ledger: Ledger, kind: str) -> None:
    assert _settled(ledger, _pending(kind, DISK), **{DISK: {}}) == {
        DISK: {"urn": DISK, "id": "there", "initErrors": [recovery.INTERRUPTED]}
    }


def test_what_was_only_read_stays_as_it_is(ledger: Ledger) -> None:
    assert _settled(ledger, _pending("reading", DISK), **{DISK: {}}) == {DISK: {"urn": DISK, "id": "there"}}


@pytest.mark.skipif(find_cli() is None, reason="there is no Pulumi CLI: make preview obtains it")
@pytest.mark.parametrize("then", ["up", "destroy"])
def test_after_a_kill_the_next_command_needs_no_help(tmp_path: Path, then: str) -> None:
    project = Project(tmp_path)
    engine = project.start("up", "--yes", "--skip-preview")
    while not project.home.stacks_with_pending():
        assert engine.poll() is None, engine.communicate()[0]
        time.sleep(0.002)
    engine.send_signal(signal.SIGKILL)
    engine.communicate()
    # An engine that was killed between opening and writing it leaves it so; here every time.
    attributes = project.home.backend / ".pulumi" / "stacks" / "livegang" / "test.json.attrs"
    attributes.write_bytes(b"")
    assert "EOF" in project.attempt("stack", "export")[1]

    assert project.home.remove_stale_locks() == [engine.pid]
    engines.end_orphans(project.home.folder)
    assert engines.orphans(project.home.folder) == []
    reported = list(recovery.repair(project.cli, project.home, project.environment, project.folder))
    assert reported[0].startswith("Removed test.json.attrs")
    if then == "destroy":
        project.run("destroy", "--yes", "--skip-preview")
        assert project.ledger.all() == {}, "what was being made when the engine was killed is not left"
    project.up()
    assert len(project.state()) == RESOURCES
    assert json.loads(project.run("stack", "export"))["deployment"].get("pending_operations", []) == []
    project.run("preview", "--refresh", "--expect-no-changes")


def test_only_orphans_of_this_home_are_ended(tmp_path: Path) -> None:
    def plugin(home: Path) -> subprocess.Popen[bytes]:
        script = tmp_path / "pulumi-language-test"
        script.write_text("#!/bin/sh\necho ready\nread line\n")
        script.chmod(0o755)
        process = subprocess.Popen(
            [script], env={**os.environ, "PULUMI_HOME": str(home)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    def of_an_engine(home: Path) -> subprocess.Popen[bytes]:
        """A plugin whose parent is called as the engine is."""
        program = (
            "import ctypes, subprocess, sys\n"
            "ctypes.CDLL(None).prctl(15, b'pulumi')\n"
            "subprocess.run([sys.argv[1]], stdin=sys.stdin, stdout=sys.stdout)\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", program, tmp_path / "pulumi-language-test"],
            env={**os.environ, "PULUMI_HOME": str(home)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    orphan, other, kept = plugin(tmp_path / "ours"), plugin(tmp_path / "theirs"), of_an_engine(tmp_path / "ours")
    try:
        assert [process.id for process in engines.end_orphans(tmp_path / "ours")] == [orphan.pid]
        assert orphan.wait(5) == -signal.SIGTERM
        assert other.poll() is None
        assert kept.poll() is None
        assert [process.id for process in engines.engines(tmp_path / "ours")] == [kept.pid]
    finally:
        for process in (other, kept):
            process.communicate(b"\n", timeout=300)
