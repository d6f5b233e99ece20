"""What hosts tell of themselves: the program as it is installed, and the metrics that the rules ask for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hosts.components.manifest import Manifest
from hosts.fleet.document import in_order
from hosts.roles import own_metrics, states
from hosts.services import metrics
from hosts.states import File, Unit
from infra.inventory.model import Inventory

INFO = {
    "name": "vivendi",
    "status": {"code": 0},
    "backup": [
        {"type": "full", "error": False, "timestamp": {"stop": 100}},
        {"type": "incr", "error": False, "timestamp": {"stop": 200}},
        {"type": "incr", "error": True, "timestamp": {"stop": 300}},
    ],
}


def values(text: str) -> dict[str, float]:
    """Samples by name and labels."""
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


Program = Callable[..., tuple[dict[str, dict[str, float]], str]]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Runs it as a host does; what it wrote by kind, and what it said."""

    def run(**kinds: dict[str, Any]) -> tuple[dict[str, dict[str, float]], str]:
        folder = tmp_path / "textfiles"
        folder.mkdir(exist_ok=True)
        (tmp_path / "settings").write_text(json.dumps({"folder": str(folder), "kinds": kinds}))
        command = [sys.executable, "-I", "-S", metrics.__file__, str(tmp_path / "settings")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        assert not [path for path in folder.iterdir() if path.suffix != ".prom"]
        found = {path.stem.removeprefix("livegang-"): values(path.read_text()) for path in folder.iterdir()}
        return found, done.stdout

    return run


def test_the_newest_sound_backup_counts() -> None:
    text = metrics.written(metrics.backups({"stanza": "vivendi", "user": "x"}, lambda _: json.dumps([INFO])))
    assert values(text) == {
        'livegang_backup_completed_timestamp_seconds{kind="any"}': 200,
        'livegang_backup_completed_timestamp_seconds{kind="full"}': 100,
        "livegang_backup_status{}": 0,
    }
    assert text.count("# TYPE livegang_backup_completed_timestamp_seconds gauge") == 1


@pytest.mark.parametrize("info", [[], [{**INFO, "name": "another's"}], [{**INFO, "backup": [], "status": {"code": 2}}]])
def test_no_backup_is_one_that_is_too_old(info: list[dict[str, Any]]) -> None:
    found = values(metrics.written(metrics.backups({"stanza": "vivendi", "user": "x"}, lambda _: json.dumps(info))))
    assert found['livegang_backup_completed_timestamp_seconds{kind="any"}'] == 0
    assert found["livegang_backup_status{}"] != 0


def test_the_services_of_the_drop_are_reported_as_they_tell_it(program: Program, tmp_path: Path) -> None:
    status = {"at": 12.5, "waiting": 3, "oldest_waiting_seconds": 7.5, "blocked": "clamd is away", "refused": 2}
    (tmp_path / "scanner.json").write_text(json.dumps(status))
    services = {"scanner": str(tmp_path / "scanner.json"), "delivery": str(tmp_path / "never.json")}
    found, said = program(drop={"services": services})
    assert said == ""
    assert found["drop"] == {
        'livegang_service_reported_timestamp_seconds{service="scanner"}': 12.5,
        'livegang_service_reported_timestamp_seconds{service="delivery"}': 0,
        'livegang_service_blocked{service="scanner"}': 1,
        'livegang_service_waiting_files{service="scanner"}': 3,
        'livegang_service_oldest_waiting_seconds{service="scanner"}': 7.5,
        'livegang_service_refused_files{service="scanner"}': 2,
    }


def test_a_certificate_s_end_is_read_from_its_file(program: Program, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "db01")])
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(end - timedelta(days=50)).not_valid_after(end).sign(key, SHA256())
    )  # fmt: skip
    (tmp_path / "server.crt").write_bytes(made.public_bytes(Encoding.PEM))
    found, _ = program(certificates={"files": [str(tmp_path / "server.crt")]})
    assert list(found["certificates"].values()) == [end.timestamp()]


def test_what_cannot_be_known_leaves_the_old_file_and_the_others_go_on(program: Program, tmp_path: Path) -> None:
    (tmp_path / "textfiles").mkdir()
    old = tmp_path / "textfiles/livegang-certificates.prom"
    old.write_text("old{} 1\n")
    before = old.stat().st_mtime_ns
    found, said = program(
        certificates={"files": [str(tmp_path / "none.crt")]}, drop={"services": {"scanner": str(tmp_path / "none")}}
    )
    assert found["certificates"] == {"old{}": 1}
    assert old.stat().st_mtime_ns == before
    assert 'livegang_service_reported_timestamp_seconds{service="scanner"}' in found["drop"]
    assert said.startswith("certificates: not known after ")


def test_a_kind_in_the_middle_of_being_written_is_no_answer(program: Program, tmp_path: Path) -> None:
    (tmp_path / "scanner.json").write_text('{"at": 1')
    _, said = program(drop={"services": {"scanner": str(tmp_path / "scanner.json")}})
    assert said.startswith("drop: not known")


WANTED = {
    "db01": {"certificates"},
    "db02": {"certificates"},
    "file01": {"backups", "certificates"},
    "xfer01": {"drop"},
    "app01": set(),
    "mgmt01": set(),
}


@pytest.mark.parametrize("name", WANTED)
def test_each_role_reports_what_it_alone_knows(name: str, inventory: Inventory, components: list[Manifest]) -> None:
    host_states = in_order(states(inventory.hosts[name], inventory, components))
    settings = [state for state in host_states if isinstance(state, File) and state.path == own_metrics.SETTINGS]
    kinds = json.loads(str(settings[0].content[0]))["kinds"] if settings else {}
    assert set(kinds) == WANTED[name]
    units = {state.unit for state in host_states if isinstance(state, Unit)}
    assert ("livegang-metrics.timer" in units) == bool(WANTED[name])


def test_without_a_file_host_no_one_waits_for_backups(inventory: Inventory, components: list[Manifest]) -> None:
    hosts = {name: host for name, host in inventory.hosts.items() if host.role != "file"}
    small = inventory.model_copy(update={"hosts": hosts})
    texts = {
        state.path: str(state.content[0])
        for name in ("mgmt01", "xfer01")
        for state in states(small.hosts[name], small, components)
        if isinstance(state, File)
    }
    rules = texts["/etc/prometheus/rules/livegang.yml"]
    assert "BackupTooOld" not in rules
    assert "DeliveryStale" not in rules
    assert "ScannerStale" in rules
    assert list(json.loads(texts[own_metrics.SETTINGS])["kinds"]["drop"]["services"]) == ["scanner"]
    assert "/etc/livegang/transfer-delivery.json" not in texts


def test_every_metric_of_the_rules_is_one_that_is_written(inventory: Inventory, components: list[Manifest]) -> None:
    rules = next(
        str(state.content[0])
        for state in states(inventory.hosts["mgmt01"], inventory, components)
        if isinstance(state, File) and state.path.endswith("rules/livegang.yml")
    )
    asked = set(re.findall(r"livegang_[a-z_]+", rules)) - {"livegang_drill_until_seconds"}
    assert asked <= set(metrics.HELP)
    assert asked
