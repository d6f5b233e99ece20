"""Records: durable, private, and without what is secret."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from rehearsal.base.records import Record, Records, full_token
from toolchain.files import write_atomically

VM = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm-db01"
TOKEN = "azure-native:compute:VirtualMachine"


def test_a_record_is_read_again_by_the_next_supervisor(tmp_path: Path) -> None:
    record = Record(TOKEN, VM, {"location": "x"}, {"ipAddress": "198.51.100.4"})
    Records(tmp_path).put(record)
    assert Records(tmp_path).get(VM) == record


def test_ids_are_compared_without_regard_to_case(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.put(Record(TOKEN, VM, {}))
    assert records.get(VM.upper()) is not None
    records.put(Record(TOKEN, VM.replace("resourceGroups", "resourcegroups"), {"a": 1}))
    assert len(records.all()) == 1
    records.delete(VM.upper())
    assert Records(tmp_path).all() == []


def test_types_are_found_by_either_form_of_their_token(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.put(Record("compute:VirtualMachine", VM, {}))
    assert [record.id for record in records.of_type(TOKEN)] == [VM]
    assert [record.id for record in records.of_type("compute:VirtualMachine")] == [VM]
    assert records.of_type("compute:Disk") == []
    assert full_token("compute:Disk") == "azure-native:compute:Disk"


def test_custom_data_is_nowhere_on_disk_nor_in_memory(tmp_path: Path) -> None:
    secret = base64.b64encode(b"#cloud-config private key").decode()
    given = {"osProfile": {"computerName": "db01", "customData": secret}}
    records = Records(tmp_path)
    records.put(Record(TOKEN, VM, given))
    assert all(secret.encode() not in file.read_bytes() for file in tmp_path.iterdir())
    kept = records.get(VM)
    assert kept is not None
    assert kept.properties["osProfile"]["customData"].startswith("sha256:")
    assert kept.properties["osProfile"]["computerName"] == "db01"
    assert given["osProfile"]["customData"] == secret, "what the caller holds is not touched"


def test_a_record_that_is_written_again_keeps_the_same_digest(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.put(Record(TOKEN, VM, {"osProfile": {"customData": "c2VjcmV0"}}))
    first = records.get(VM)
    assert first is not None
    records.put(first)
    assert records.get(VM) == first


def test_only_the_owner_may_read_records(tmp_path: Path) -> None:
    folder = tmp_path / "records"
    Records(folder).put(Record(TOKEN, VM, {}))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_what_a_killed_writer_left_is_not_read(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.put(Record(TOKEN, VM, {}))
    (tmp_path / ".half.json.123.456").write_text('{"type": "azure-na')
    assert len(Records(tmp_path).all()) == 1


def test_an_atomic_write_replaces_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "state.json"
    write_atomically(file, b"old")
    monkeypatch.setattr("os.fsync", _fails)
    with pytest.raises(OSError, match="disk is full"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"


def _fails(descriptor: int) -> None:
    raise OSError("disk is full")


def test_records_are_plain_json_that_a_person_can_read(tmp_path: Path) -> None:
    Records(tmp_path).put(Record(TOKEN, VM, {"tags": {"bereich": "ambulant Süd"}}))
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["properties"]["tags"]["bereich"] == "ambulant Süd"
    assert "Süd" in file.read_text()


def test_a_secrets_value_is_nowhere_on_disk(tmp_path: Path) -> None:
    records = Records(tmp_path)
    secret = "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv/secrets/postgresql"
    records.put(Record("azure-native:keyvault:Secret", secret, {"properties": {"value": "s3cret-canary"}}))
    assert all(b"s3cret-canary" not in file.read_bytes() for file in tmp_path.iterdir())
