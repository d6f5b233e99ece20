"""The artifact is the same bytes wherever and whenever it is built, and the manifests have their checksum."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from toolchain.folders import PROJECT
from vivendi import build
from vivendi.vivendi_standin import AREAS, VERSION


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    first, digest = build.build(tmp_path / "a")
    second, _ = build.build(tmp_path / "b")
    assert _digest(first) == _digest(second) == digest
    assert first.name == f"vivendi-standin-{VERSION}.tar"


def test_umask_times_modes_and_leftovers_do_not_change_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, digest = build.build(tmp_path / "a")
    copy = tmp_path / "vivendi_standin"
    shutil.copytree(build.SOURCE, copy)
    (copy / "__pycache__").mkdir(exist_ok=True)
    (copy / "__pycache__" / "service.pyc").write_bytes(b"left over")
    for number, file in enumerate(sorted(copy.iterdir())):
        os.utime(file, (1_000_000 + number, 1_000_000 + number))
        if file.is_file():
            file.chmod(0o600)
    monkeypatch.setattr(build, "SOURCE", copy)
    before = os.umask(0o077)
    try:
        assert build.build(tmp_path / "b")[1] == digest
    finally:
        os.umask(before)


def test_the_command_prints_what_the_manifests_carry(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vivendi.build", str(tmp_path)]
    printed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    digest, file = printed.split()
    assert _digest(Path(file)) == digest


def test_it_contains_nothing_but_the_application(tmp_path: Path) -> None:
    file, _ = build.build(tmp_path)
    with tarfile.open(file) as archive:
        entries = archive.getmembers()
    assert all(entry.name.split("/")[0] == "vivendi_standin" for entry in entries)
    assert {(entry.uid, entry.gid, entry.mtime) for entry in entries} == {(0, 0, 0)}
    assert "vivendi_standin/__main__.py" in [entry.name for entry in entries]


@pytest.mark.parametrize("area", AREAS)
def test_the_areas_manifest_names_this_artifact(area: str, tmp_path: Path) -> None:
    manifest = yaml.safe_load((PROJECT / "hosts" / "components" / f"{area}.yaml").read_text())
    file, digest = build.build(tmp_path)
    assert manifest["version"] == VERSION
    assert manifest["artifact"]["file"] == file.name
    assert manifest["artifact"]["sha256"] == digest
