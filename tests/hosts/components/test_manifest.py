"""Component manifests: checked whole, with errors that say file, key, value and what would be right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml

from hosts.components.manifest import ManifestError, artifact_mistake, demand_artifacts, load, of_inventory
from infra.inventory.model import Components, Inventory
from toolchain.folders import PROJECT
from vivendi import build

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
        "pep.yaml: port: 'http' is not valid",
        "pep.yaml: colour: unknown setting with value 'blue'",
        "kita.yaml: artifact.sha256: 'abc' is not valid",
        "broken.yaml is not YAML, line 1",
    ):
        assert expected in message


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "Pep"}, "pep.yaml: name: 'Pep' is not valid"),
        ({"version": "one"}, "pep.yaml: version: 'one' is not valid"),
        ({"port": 80}, "pep.yaml: port: 80 is not valid"),
        ({"artifact": {**GOOD["artifact"], "file": "../x.tar"}}, "pep.yaml: artifact.file: '../x.tar' is not valid"),
        ({"artifact": {**GOOD["artifact"], "target": "opt"}}, "pep.yaml: artifact.target: 'opt' is not valid"),
        ({"database": {**GOOD["database"], "role": "a; DROP"}}, "pep.yaml: database.role: 'a; DROP' is not valid"),
        ({"health": {}}, "pep.yaml: health.path: is missing"),
        ({"port": "8006"}, "pep.yaml: port: '8006' is not valid"),
        (
            {"version": 1.1},
            "pep.yaml: version: 1.1 is not valid (input should be a valid string). Expected: a versi",
        ),
        ({"prot": 8006}, "pep.yaml: prot: unknown setting with value 8006. Did you mean port?"),
        ({"title": "two\nlines"}, "pep.yaml: title: 'two\\nlines' is not valid"),
        ({"service": {**GOOD["service"], "command": "/bin/a\nExecStopPost=/bin/b"}}, "pep.yaml: service.command: "),
        ({"service": {**GOOD["service"], "user": "root"}}, "a component does not run as root"),
        ({"settings": {"database": {"name": "x"}}}, "the section database is written from the landscape"),
        ({"settings": {"a": {"b": "x\n[c]"}}}, "pep.yaml: settings.a.b: 'x\\n[c]' is not valid"),
        ({"packages": ["python3 && rm"]}, "pep.yaml: packages[0]: 'python3 && rm' is not valid"),
    ],
)
def test_a_value_that_cannot_be_right_is_named(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    write(tmp_path, **changes)
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)
    assert expected in str(caught.value)


NO_MANIFEST = {
    "nothing": (b"", "pep.yaml is empty. Write it after the one of another component."),
    "a list": (b"- a\n", "pep.yaml holds no keys, but ['a']"),
    "a text": (b"hello\n", "pep.yaml holds no keys, but 'hello'"),
    "a key twice": (
        b"port: 8001\nname: pep\nport: 8002\n",
        "pep.yaml is not YAML, line 1, column 1: duplicate key 'port'",
    ),
    "a tab": (b"\tname: pep\n", "pep.yaml is not YAML, line 1, column 1"),
    "another encoding": (
        "title: Stationär\n".encode("latin-1"),
        "pep.yaml is not UTF-8 text: byte 0xe4 in line 1. Save",
    ),
    "a control character": (b"a: b\nname: p\x07ep\n", "pep.yaml is not YAML: line 2 holds the character 0x07"),
    "two documents": (b"name: pep\n---\nname: kita\n", "pep.yaml is not YAML, line 2"),
    "code": (b"!!python/object/apply:os.system ['id']\n", "pep.yaml is not YAML, line 1, column 1"),
}


@pytest.mark.parametrize("kind", NO_MANIFEST)
def test_a_file_that_is_no_manifest_is_reported_with_its_remedy(tmp_path: Path, kind: str) -> None:
    content, expected = NO_MANIFEST[kind]
    (tmp_path / "pep.yaml").write_bytes(content)
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)
    assert expected in str(caught.value)
    assert "Nothing was touched" in str(caught.value)


def test_a_folder_in_a_manifests_place_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pep.yaml").mkdir()
    with pytest.raises(ManifestError, match=r"pep\.yaml cannot be read: Is a directory"):
        load(tmp_path)
    with pytest.raises(ManifestError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")


def test_only_components_with_an_endpoint_are_the_landscape_s(inventory: Inventory) -> None:
    """One folder of manifests serves landscapes that have fewer areas: the others have no database, no site."""
    fewer = inventory.model_copy(update={"endpoints": {"kita": inventory.endpoints["kita"]}})
    assert [manifest.name for manifest in of_inventory(fewer)] == ["kita"]


def test_a_secret_that_the_landscape_does_not_give_is_named(tmp_path: Path, inventory: Inventory) -> None:
    write(tmp_path, database={**GOOD["database"], "secret": "postgresql/peb"})
    stack = inventory.model_copy(
        update={
            "components": Components(manifests=str(tmp_path), artifacts="x"),
            "endpoints": {"pep": inventory.endpoints["pep"]},
        }
    )
    with pytest.raises(
        ManifestError, match=r"pep\.yaml: database\.secret: 'postgresql/peb' is no secret[^→]*→ .*ql/pep"
    ):
        of_inventory(stack)


def test_artifacts_are_demanded_before_any_host_is_touched(tmp_path: Path, inventory: Inventory) -> None:
    stack = inventory.model_copy(
        update={"components": Components(manifests="hosts/components", artifacts=str(tmp_path))}
    )
    manifests = of_inventory(stack)
    with pytest.raises(ManifestError, match=r"pep\.yaml: artifact: the artifact .*standin.* does not exist; put the"):
        demand_artifacts(stack, manifests)
    file, _ = build.build(tmp_path)
    demand_artifacts(stack, manifests)
    file.write_bytes(b"another")
    with pytest.raises(ManifestError, match=r"pep\.yaml: artifact: .* has SHA-256 [0-9a-f]+, but its manifest says"):
        demand_artifacts(stack, manifests)


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
