"""Files, directories, links: given this on the host, exactly that differs, and afterwards nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hosts.agent.results import CommandError, OperationError
from hosts.states import Absent, Directory, File, Link, Secret
from tests.hosts.conftest import Scratch

WANTED = File(path="/etc/app.conf", content=("port = 80\n", "log = on\n"))


def test_a_missing_file_is_made_whole(scratch: Scratch) -> None:
    assert scratch.compare(WANTED) == ["missing"]
    scratch.apply(WANTED)
    assert scratch.compare(WANTED) == []
    assert (scratch.root / "etc/app.conf").read_text() == "port = 80\nlog = on\n"


def test_an_edited_line_is_shown_as_that_line(scratch: Scratch) -> None:
    scratch.put("/etc/app.conf", "port = 81\nlog = on\n")
    (difference,) = scratch.differences(WANTED)
    assert difference.what == "content differs (+1 -1 lines)"
    assert [line for line in difference.lines if line[0] in "+-"] == ["-port = 81", "+port = 80"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(0o644, []), (0o600, ["mode 0600 instead of 0644"]), (0o4755, ["mode 4755 instead of 0644"])],
)
def test_only_the_mode_differs(scratch: Scratch, mode: int, expected: list[str]) -> None:
    scratch.put("/etc/app.conf", "port = 80\nlog = on\n", mode)
    assert scratch.compare(WANTED) == expected


def test_an_owner_that_does_not_exist_yet_differs_and_cannot_be_given(scratch: Scratch) -> None:
    state = File(path="/etc/app.conf", content=("x",), owner="vivendi")
    scratch.put("/etc/app.conf", "x")
    assert scratch.compare(state) == ["owner root instead of vivendi"]
    with pytest.raises(OperationError, match="there is no user vivendi"):
        scratch.apply(state)


def test_a_refused_content_leaves_the_old_file(scratch: Scratch) -> None:
    scratch.put("/etc/app.conf", "good\n")
    scratch.table.answers["checker"] = CommandError("checker ended with code 1", "line 1: bad")
    state = File(path="/etc/app.conf", content=("bad\n",), check=("checker", "{}"))
    with pytest.raises(OperationError, match="checker ended with code 1"):
        scratch.apply(state)
    assert (scratch.root / "etc/app.conf").read_text() == "good\n"
    assert sorted(path.name for path in (scratch.root / "etc").iterdir()) == ["app.conf", "group", "passwd"]


def test_a_check_sees_the_new_content_before_anyone_else(scratch: Scratch) -> None:
    state = File(path="/etc/app.conf", content=("new\n",), check=("checker", "--file={}"))
    scratch.table.answers["checker"] = lambda: Path(scratch.table.calls[-1].split("=")[1]).read_text()
    scratch.apply(state)
    assert scratch.table.calls[-1].startswith("checker --file=")
    assert ".app.conf.livegang" in scratch.table.calls[-1]


def test_a_link_in_a_files_place_is_replaced_and_not_followed(scratch: Scratch) -> None:
    target = scratch.put("/etc/other", "other\n")
    (scratch.root / "etc/app.conf").symlink_to("other")
    assert scratch.compare(WANTED) == ["a link to other instead of a file"]
    scratch.apply(WANTED)
    assert scratch.compare(WANTED) == []
    assert target.read_text() == "other\n"


def test_a_directory_in_a_files_place_is_an_error(scratch: Scratch) -> None:
    (scratch.root / "etc/app.conf").mkdir(parents=True)
    with pytest.raises(OperationError, match="is a directory, not a file; it is not removed for you"):
        scratch.compare(WANTED)


def test_a_secret_is_compared_by_content_and_never_shown(scratch: Scratch) -> None:
    state = File(path="/etc/app.password", content=(Secret("postgresql/pep"), "\n"), mode=0o640)
    scratch.secrets["postgresql/pep"] = "correct-horse"
    scratch.put("/etc/app.password", "something-older\n", 0o640)
    (difference,) = scratch.differences(state)
    assert (difference.what, difference.lines) == ("secret content differs", ())
    scratch.apply(state)
    assert scratch.compare(state) == []
    assert (scratch.root / "etc/app.password").read_text() == "correct-horse\n"


def test_a_rest_of_a_killed_run_is_in_no_ones_way(scratch: Scratch) -> None:
    scratch.put("/etc/.app.conf.livegang", "half")
    scratch.apply(WANTED)
    assert scratch.compare(WANTED) == []
    assert not (scratch.root / "etc/.app.conf.livegang").exists()


def test_a_long_diff_is_cut(scratch: Scratch) -> None:
    scratch.put("/etc/app.conf", "".join(f"{number}\n" for number in range(300)))
    (difference,) = scratch.differences(WANTED)
    assert len(difference.lines) == 61
    assert "more lines" in difference.lines[-1]


def test_what_is_not_text_is_not_shown(scratch: Scratch) -> None:
    (scratch.root / "etc/app.conf").write_bytes(b"\xff\xfe\x00")
    (scratch.root / "etc/app.conf").chmod(0o644)
    assert scratch.compare(WANTED) == ["content differs (not text)"]


@pytest.mark.parametrize(
    ("now", "expected"), [(None, ["missing"]), (0o755, []), (0o700, ["mode 0700 instead of 0755"])]
)
def test_a_directory(scratch: Scratch, now: int | None, expected: list[str]) -> None:
    state = Directory(path="/srv/data")
    if now is not None:
        (scratch.root / "srv/data").mkdir(parents=True)
        (scratch.root / "srv/data").chmod(now)
    assert scratch.compare(state) == expected
    scratch.apply(state)
    assert scratch.compare(state) == []


def test_a_link(scratch: Scratch) -> None:
    state = Link(path="/etc/current", target="version-2")
    assert scratch.compare(state) == ["missing"]
    (scratch.root / "etc/current").symlink_to("version-1")
    assert scratch.compare(state) == ["points to version-1 instead of version-2"]
    scratch.apply(state)
    assert scratch.compare(state) == []
    assert (scratch.root / "etc/current").readlink() == Path("version-2")


def test_what_must_not_be_there_goes(scratch: Scratch) -> None:
    state = Absent(path="/etc/apt/sources.list")
    assert scratch.compare(state) == []
    scratch.put("/etc/apt/sources.list", "deb x\n")
    assert scratch.compare(state) == ["a file is there"]
    scratch.apply(state)
    assert scratch.compare(state) == []


def test_a_directory_is_never_removed(scratch: Scratch) -> None:
    (scratch.root / "etc/apt/sources.list").mkdir(parents=True)
    with pytest.raises(OperationError, match="not removed for you"):
        scratch.compare(Absent(path="/etc/apt/sources.list"))
