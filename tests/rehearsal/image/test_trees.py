"""The images: named after what is in them, and without what hosts must not share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.image import trees
from rehearsal.image.contents import BASE, EDGE


def test_what_belongs_to_one_host_only_is_taken_out(tmp_path: Path) -> None:
    for name in (
        "etc/ssh/ssh_host_ed25519_key",
        "etc/apt/sources.list",
        "etc/apt/sources.list.d/mirror.sources",
        "var/lib/apt/lists/a_list",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("of the machine that built it")
    (tmp_path / "etc/machine-id").write_text("0123\n")
    (tmp_path / "etc/resolv.conf").symlink_to("/run/elsewhere")
    trees.finish(BASE, tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if not path.is_dir()}
    assert left == {"etc/machine-id", *BASE.files}
    assert (tmp_path / "etc/machine-id").read_text() == "", "empty, not missing: else systemd applies its presets"


def test_images_that_are_not_built_are_an_error_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match=r"python -m rehearsal\.image"):
        trees.existing(tmp_path)


def test_other_contents_have_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = trees._folder(tmp_path)
    assert trees._folder(tmp_path) == before
    monkeypatch.setattr(trees, "BASE", replace(BASE, packages=(*BASE.packages, "rsync")))
    assert trees._folder(tmp_path) != before


def test_a_build_that_fails_leaves_nothing_that_looks_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(image: object, tree: Path, log: object) -> None:
        tree.mkdir()
        raise ExpectedError("no mirror")

    monkeypatch.setattr(trees, "_build", fail)
    monkeypatch.setattr(trees, "_check_tools", lambda: None)
    with pytest.raises(ExpectedError, match="no mirror"):
        trees.build(tmp_path, lambda line: None)
    with pytest.raises(ExpectedError, match="not built"):
        trees.existing(tmp_path)


def test_what_is_built_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def note(image: object, tree: Path, log: object) -> None:
        built.append(tree.name)
        tree.mkdir()

    monkeypatch.setattr(trees, "_build", note)
    monkeypatch.setattr(trees, "_check_tools", lambda: None)
    for _ in range(2):
        images = trees.build(tmp_path, lambda line: None)
    assert sorted(built) == ["base", "edge"]
    assert images.base.is_dir()


def test_no_registry_is_named_in_the_images() -> None:
    assert all("://" not in text for image in (BASE, EDGE) for text in image.files.values())
