"""A layer that changes while it is copied: afterwards the copy is what the layer is then, whatever happened."""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.snapshots import copying
from rehearsal.snapshots.copying import make_way
from rehearsal.snapshots.following import Following

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make whiteouts and trusted attributes")


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    upper = tmp_path / "upper"
    (upper / "folder" / "inner").mkdir(parents=True)
    (upper / "other").mkdir()
    for name in ("file", "folder/one", "folder/inner/two", "other/one", "other/three"):
        (upper / name).write_text(name)
    (upper / "link").symlink_to("file")
    (upper / "hard").hardlink_to(upper / "file")
    # Old enough not to be copied again for its time alone.
    os.utime(upper / "file", (1, 1))
    return upper


def copy(upper: Path, change: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Follow a layer to which ``change`` happens after it was copied; returns the copy."""
    # As if all had been written long ago: the margin would hide what is reported by inode and time alone.
    monkeypatch.setattr("rehearsal.snapshots.following.MARGIN", -3600)
    following = Following(upper, upper.with_name("copy"))
    following.copy()
    change(upper)
    following.catch_up()
    return upper.with_name("copy")


def looks(folder: Path) -> str:
    """All that is in it: kinds, modes, owners, names of one file, targets, times, and contents."""
    script = (
        "find . -printf '%y %m %U:%G %n %l %p %T@\\n' | sed 's/^d\\(.*\\) [0-9.]*$/d\\1/' | sort;"
        "find . -type f -exec md5sum {} + | sort"
    )
    return subprocess.run(["sh", "-ec", script], cwd=folder, capture_output=True, text=True, check=True).stdout


def exchange(upper: Path) -> None:
    """Two folders take each other's place; what is in them keeps its times."""
    (upper / "folder").rename(upper / "away")
    (upper / "other").rename(upper / "folder")
    (upper / "away").rename(upper / "other")


def grow(upper: Path) -> None:
    (upper / "new").mkdir()
    (upper / "new" / "file").write_text("new")


def put_a_folder_for_a_file(upper: Path) -> None:
    (upper / "link").unlink()
    (upper / "link").mkdir()


def put_a_file_for_a_folder(upper: Path) -> None:
    shutil.rmtree(upper / "folder")
    (upper / "folder").write_text("file")


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda upper: None,
    "content": lambda upper: (upper / "folder" / "one").write_text("changed"),
    "more of it": grow,
    "less": lambda upper: shutil.rmtree(upper / "folder"),
    "a mode": lambda upper: (upper / "folder" / "inner").chmod(0o700),
    "another name of a file": lambda upper: (upper / "harder").hardlink_to(upper / "file"),
    "one name less": lambda upper: (upper / "hard").unlink(),
    "a folder for a file": put_a_folder_for_a_file,
    "a file for a folder": put_a_file_for_a_folder,
    "folders exchanged": exchange,
    "a rename": lambda upper: (upper / "folder" / "one").rename(upper / "other" / "one"),
    "odd names": lambda upper: (upper / "-r ä\nb").write_text("odd"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_meanwhile_is_copied_again(upper: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert looks(copy(upper, CHANGES[name], monkeypatch)) == looks(upper)


def test_what_is_written_through_a_mapping_all_the_time_is_not_missed(upper: Path) -> None:
    """The journal is written so: no call tells of it, and while a page is dirty its file's time stands still."""
    (upper / "journal").write_bytes(bytes(2 * mmap.PAGESIZE))
    with open(upper / "journal", "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[0:5] = b"first"
        following = Following(upper, upper.with_name("copy"))
        following.copy()
        mapped[0:5] = b"later"
        following.catch_up()
        assert (upper.with_name("copy") / "journal").read_bytes()[:5] == b"later"


def test_a_disk_that_is_full_is_reported_and_not_taken_for_something_that_was_removed(upper: Path) -> None:
    (upper.with_name("copy")).mkdir()
    (upper.with_name("copy") / "folder").write_text("in the way")
    with pytest.raises(Exception, match="could not be copied"):
        copying.copy_layer(upper, upper.with_name("copy"), living=True)


@as_root
def test_whiteouts_and_opaque_folders_are_merged_as_an_overlay_would_show_them(upper: Path, tmp_path: Path) -> None:
    above, merged = tmp_path / "above", tmp_path / "merged"
    (above / "folder").mkdir(parents=True)
    (above / "folder" / "new").write_text("new")
    os.setxattr(above / "folder", copying.OPAQUE, b"y")
    (above / "other").mkdir()
    os.mknod(above / "other" / "one", 0o20000, os.makedev(0, 0))
    (above / "link").mkdir()
    copying.share_layer(upper, merged)
    make_way(above, merged)
    copying.copy_layer(above, merged)
    assert sorted(path.name for path in (merged / "folder").iterdir()) == ["new"]
    assert os.getxattr(merged / "folder", copying.OPAQUE) == b"y"
    assert (merged / "other" / "one").is_char_device(), "the image below may have one"
    assert (merged / "other" / "three").read_text() == "other/three"
    assert (merged / "link").is_dir()
    assert (merged / "file").stat().st_ino == (upper / "file").stat().st_ino
    assert (upper / "other" / "one").read_text() == "other/one", "the layer it was made of is as it was"
