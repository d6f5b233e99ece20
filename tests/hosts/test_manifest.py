"""Component manifests: checked whole, with errors that say file, key, value and what would be right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from hosts.manifest import ManifestError, artifact_mistake, load, of_inventory
from infra.inventory import PROJECT, Components, Inventory
from rehearsal.vivendi import build

GOOD = yaml.safe_load((PROJECT / "hosts/components/pep.yaml").read_text())


def write(folder: Path, file: str = "pep", /, **changes: object) -> None:
    (folder / f"{file}.yaml").write_text(yaml.safe_dump({**GOOD, **changes}))


def test_the_projects_own_manifests_are_those_of_the_six_areas(inventory: Inventory) -> None:
    assert {manifest.name for manifest in of_inventory(inventory)} == set(inventory.endpoints)


def test_the_projects_own_manifests_mean_the_stand_in_as_it_is(tmp_path: Path, inventory: Inventory) -> None:
    """Whoever changes the stand-in has to say so in the manifests: the checksum is what hosts trust."""
    file, sha256 = build.build(tmp_path)
    named = {(manifest.artifact.file, manifest.artifact.sha256) for manifest in of_inventory(inventory)}
    remedy = f"sed -i 's/sha256: .*/sha256: {sha256}/' hosts/components/*.yaml"
    assert named == {(file.name, sha256)}, f"The stand-in has changed. If it is meant: {remedy}"


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path, port="http", colour="blue")
    write(tmp_path, "kita", name="kita", artifact={**GOOD["artifact"], "sha256": "abc"})
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)
    message = str(caught.value)
    for expected in (
        "pep.yaml: port = 'http'",
        "pep.yaml: colour is not a known key: 'blue'",
        "kita.yaml: artifact.sha256 = 'abc'",
        "broken.yaml: not YAML",
    ):
        assert expected in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "Pep"}, "pep.yaml: name = 'Pep'"),
        ({"version": "one"}, "pep.yaml: version = 'one'"),
        ({"port": 80}, "pep.yaml: port = 80"),
        ({"artifact": {**GOOD["artifact"], "file": "../x.tar"}}, "pep.yaml: artifact.file = '../x.tar'"),
        ({"artifact": {**GOOD["artifact"], "target": "opt"}}, "pep.yaml: artifact.target = 'opt'"),
        ({"database": {**GOOD["database"], "role": "a; DROP"}}, "pep.yaml: database.role = 'a; DROP'"),
        ({"health": {}}, "pep.yaml: health.path is missing"),
        ({"packages": ["python3 && rm"]}, "pep.yaml: packages.0 = 'python3 && rm'"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)
    assert expected in str(caught.value)


def test_two_components_cannot_share_a_port(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, "kita", name="kita", service={**GOOD["service"], "unit": "vivendi-kita"})
    with pytest.raises(ManifestError, match=r"pep\.yaml: port = 8006 is already that of kita\.yaml"):
        load(tmp_path)


def test_a_file_is_named_as_its_component(tmp_path: Path) -> None:
    write(tmp_path, "kita")
    with pytest.raises(ManifestError, match="name = 'pep', but the file is named kita"):
        load(tmp_path)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="holds no component manifest"):
        load(tmp_path)


def test_an_endpoint_without_its_component_is_named(tmp_path: Path, inventory: Inventory) -> None:
    write(tmp_path)
    stack = inventory.model_copy(update={"components": Components(manifests=str(tmp_path), artifacts="x")})
    with pytest.raises(ManifestError, match="no manifest for the endpoints ambulant, stationaer, kita"):
        of_inventory(stack)


def test_an_artifact_is_what_its_manifest_says_or_not(tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    assert "does not exist" in (artifact_mistake(file, "0" * 64) or "")
    file.write_bytes(b"x")
    assert artifact_mistake(file, hashlib.sha256(b"x").hexdigest()) is None
    assert f"has SHA-256 {hashlib.sha256(b'x').hexdigest()}" in (artifact_mistake(file, "0" * 64) or "")
