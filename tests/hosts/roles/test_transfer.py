"""The transfer host as the stack wishes it: who may drop files, and by what they are judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from console import ExpectedError
from hosts import roles
from hosts.components.manifest import Manifest
from hosts.fleet.document import document, in_order
from hosts.roles import scanning
from hosts.services.scanner import settings
from hosts.states import Directory, File, State, Unit, User
from infra.inventory.model import Inventory


class Wanted:
    """What is wanted of the transfer host."""

    def __init__(self, inventory: Inventory, components: list[Manifest], **changes: Any) -> None:
        assert inventory.transfer is not None
        stack = inventory.model_copy(update={"transfer": inventory.transfer.model_copy(update=changes)})
        host = stack.hosts["xfer01"]
        self.states = roles.states(host, stack, components)
        self.order = [state.identity for state in in_order(self.states)]
        self.travelling = document(host, stack, self.states, "converge")

    def of(self, kind: type[State], name: str) -> Any:
        return next(state for state in self.states if isinstance(state, kind) and state.name == name)

    def text(self, path: str) -> str:
        return "".join(str(part) for part in self.of(File, path).content)


@pytest.fixture
def wanted(inventory: Inventory, components: list[Manifest]) -> Wanted:
    return Wanted(inventory, components)


def test_only_sftp_and_only_from_the_old_hosters_ranges(wanted: Wanted) -> None:
    configuration = wanted.text("/etc/ssh/sshd_config.d/20-transfer.conf")
    assert "AllowUsers old-hoster@203.0.113.20/32\n" in configuration
    assert "Match User old-hoster\n" in configuration
    assert "ChrootDirectory /srv/transfer/drop\n" in configuration
    assert "ForceCommand internal-sftp " in configuration
    for option in ("AllowTcpForwarding", "AllowAgentForwarding", "X11Forwarding", "PermitTunnel", "PermitTTY"):
        assert f"\t{option} no\n" in configuration
    assert wanted.of(User, "old-hoster").shell == "/usr/sbin/nologin"
    assert wanted.text("/etc/ssh/authorized_keys/old-hoster").splitlines()[-1].startswith("restrict ssh-ed25519 ")


def test_no_one_drops_files_where_the_old_hoster_has_no_ranges(
    inventory: Inventory, components: list[Manifest]
) -> None:
    flows = [flow for flow in inventory.flows if flow.source != "old-hoster"]
    nowhere = Wanted(inventory.model_copy(update={"flows": flows}), components)
    assert "AllowUsers" not in nowhere.text("/etc/ssh/sshd_config.d/20-transfer.conf")


def test_sshd_reloads_for_the_drop(wanted: Wanted) -> None:
    unit = wanted.of(Unit, "ssh.service")
    assert "file /etc/ssh/sshd_config.d/20-transfer.conf" in unit.reload_on
    before = ("directory /srv/transfer/drop/incoming", "file /etc/ssh/authorized_keys/old-hoster")
    place = wanted.order.index("file /etc/ssh/sshd_config.d/20-transfer.conf")
    assert all(wanted.order.index(identity) < place for identity in before)


def test_other_hosts_know_nothing_of_the_drop(inventory: Inventory, components: list[Manifest]) -> None:
    for name, host in inventory.hosts.items():
        if name != "xfer01":
            paths = {state.path for state in roles.states(host, inventory, components) if isinstance(state, File)}
            assert "/etc/ssh/sshd_config.d/20-transfer.conf" not in paths


RIGHTS = {
    "/srv/transfer": ("root", "root", 0o755),
    "/srv/transfer/drop": ("root", "root", 0o755),
    "/srv/transfer/drop/incoming": ("root", "old-hoster", 0o770),
    "/srv/transfer/work": ("transfer-scanner", "transfer-scanner", 0o700),
    "/srv/transfer/infected": ("transfer-scanner", "transfer-scanner", 0o700),
    "/srv/transfer/unclear": ("transfer-scanner", "transfer-scanner", 0o700),
    "/srv/transfer/manifests": ("transfer-scanner", "transfer-scanner", 0o700),
    "/srv/transfer/clean": ("transfer-scanner", "transfer-clean", 0o750),
}


@pytest.mark.parametrize("path", RIGHTS)
def test_no_one_reads_what_is_not_clean(path: str, wanted: Wanted) -> None:
    folder = wanted.of(Directory, path)
    assert (folder.owner, folder.group, folder.mode) == RIGHTS[path]


def test_the_service_and_clamd_have_the_same_limits(wanted: Wanted, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(wanted.text("/etc/livegang/transfer-scanner.json"))
    read = settings.read(file)
    clamd = wanted.text("/etc/clamav/clamd.conf")
    assert f"MaxFileSize {read.largest_file // 2**20}M\n" in clamd
    assert f"MaxScanSize {read.largest_expansion // 2**20}M\n" in clamd
    assert "AlertExceedsMax yes\n" in clamd
    assert "AlertEncrypted yes\n" in clamd
    assert read.patience == 10.0


def test_clamd_s_largest_numbers_fit_its_own_limits(inventory: Inventory, components: list[Manifest]) -> None:
    clamd = Wanted(inventory, components, largest_file_mb=2000).text("/etc/clamav/clamd.conf")
    assert "MaxFileSize 2000M\n" in clamd
    assert "MaxScanSize 4000M\n" in clamd


def test_without_a_source_freshclam_stays_off_and_own_signatures_count(wanted: Wanted) -> None:
    freshclam = wanted.of(Unit, "clamav-freshclam.service")
    assert (freshclam.enabled, freshclam.running) == (False, False)
    assert wanted.text("/var/lib/clamav/sample.ndb").startswith("Sample.Signature:")
    assert json.loads(wanted.text("/etc/livegang/transfer-scanner.json"))["signed"] is False
    drop_in = wanted.text("/etc/systemd/system/clamav-daemon.service.d/10-livegang.conf")
    assert "ConditionPathExistsGlob=\n" in drop_in
    assert "for file in /var/lib/clamav/sample.ndb; do" in drop_in
    assert "ExecStartPre" not in wanted.text("/etc/systemd/system/clamav-daemon.socket.d/10-livegang.conf")


def test_with_a_source_it_comes_through_the_management_host(inventory: Inventory, components: list[Manifest]) -> None:
    host = Wanted(inventory, components, signature_source="https://signatures.test/base", signatures={})
    freshclam = host.of(Unit, "clamav-freshclam.service")
    assert (freshclam.enabled, freshclam.running) == (True, True)
    assert "PrivateMirror http://mgmt01.sample.internal/signatures\n" in host.text("/etc/clamav/freshclam.conf")
    assert "/var/lib/clamav/main.c?d /var/lib/clamav/daily.c?d" in host.text(
        "/etc/systemd/system/clamav-daemon.service.d/10-livegang.conf"
    )
    values = json.loads(host.text("/etc/livegang/transfer-scanner.json"))
    assert (values["signed"], values["oldest_signatures"]) == (True, 72 * 3600)


@pytest.mark.parametrize("source", [None, "https://signatures.test/base"])
def test_the_mirror_passes_the_signed_database_on(
    source: str | None, inventory: Inventory, components: list[Manifest]
) -> None:
    assert inventory.transfer is not None
    transfer = inventory.transfer.model_copy(update={"signature_source": source})
    stack = inventory.model_copy(update={"transfer": transfer})
    states = roles.states(stack.hosts["mgmt01"], stack, components)
    configuration = next(
        str(state.content[0]) for state in states if isinstance(state, File) and state.path == "/etc/nginx/nginx.conf"
    )
    assert ("location /signatures/ {" in configuration) == (source is not None)
    assert ("rewrite ^/signatures/(.*)$ /base/$1 break;" in configuration) == (source is not None)


def test_a_stack_that_says_nothing_of_the_drop_is_reported_what_to_write(
    inventory: Inventory, components: list[Manifest]
) -> None:
    stack = inventory.model_copy(update={"transfer": None})
    with pytest.raises(ExpectedError, match="nothing on its drop"):
        roles.states(stack.hosts["xfer01"], stack, components)


def test_the_service_as_installed_starts_with_the_standard_library_alone(wanted: Wanted, tmp_path: Path) -> None:
    for state in wanted.states:
        if isinstance(state, File) and state.path.startswith(scanning.PACKAGE):
            target = tmp_path / Path(state.path).relative_to(scanning.LIBRARY)
            target.parent.mkdir(exist_ok=True)
            target.write_text("".join(str(part) for part in state.content))
    for name in ("drop/incoming", "work", "clean", "infected", "unclear", "manifests"):
        (tmp_path / "srv" / name).mkdir(parents=True)
    values = json.loads(wanted.text("/etc/livegang/transfer-scanner.json"))
    values |= {"folder": str(tmp_path / "srv")}
    values |= {name: str(tmp_path / name) for name in ("log", "state", "status", "clamd")}
    (tmp_path / "settings.json").write_text(json.dumps(values))
    command = [sys.executable, "-I", "-S", "-c", "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); "
               "runpy.run_module('transfer_scanner', run_name='__main__', alter_sys=True)"]  # fmt: skip
    process = subprocess.Popen(
        [*command, str(tmp_path), str(tmp_path / "settings.json")], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert process.stdout is not None
    try:
        assert "Watching" in process.stdout.readline()
        deadline = time.monotonic() + 300
        while not (tmp_path / "status").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        process.terminate()
    assert process.wait(timeout=300) == 0
    assert json.loads((tmp_path / "status").read_text())["waiting"] == 0
