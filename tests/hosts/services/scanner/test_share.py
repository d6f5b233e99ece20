"""How smbclient is spoken to: a program in its place that answers as it does. The real one is in booted tests."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts.services.scanner.share import Exists, OutcomeUnknown, Refused, Share, ShareUnavailable

CLIENT = r"""
import os, shlex, sys
root, script = sys.argv[1], dict(part.split("=", 1) for part in sys.argv[2:])
print('Try "help" to get a list of possible commands.', file=sys.stderr)
with open(root + ".orders", "ab") as orders:
    while line := sys.stdin.buffer.readline():
        orders.write(line); orders.flush()
        words = shlex.split(line.decode().replace("\\", "/"))
        verb = words[0] if words else ""
        if verb in script:
            if script[verb] == "END":
                print("tree connect failed: NT_STATUS_LOGON_FAILURE", file=sys.stderr); sys.exit(1)
            if script[verb] == "HANG":
                sys.stdin.buffer.read()
            print(script[verb] + " doing it", file=sys.stderr)
        elif verb == "reput":
            with open(words[1], "rb") as source, open(f"{root}/{words[2]}", "ab") as target:
                source.seek(target.tell()); target.write(source.read())
        elif verb == "get":
            if not os.path.exists(f"{root}/{words[1]}"):
                print("NT_STATUS_OBJECT_NAME_NOT_FOUND opening remote file", file=sys.stderr)
            else:
                with open(f"{root}/{words[1]}", "rb") as source, open(words[2], "wb") as target:
                    target.write(source.read())
        elif verb == "mkdir":
            os.mkdir(f"{root}/{words[1]}")
        elif words:
            print(f"{verb}: command not found", file=sys.stderr)
        sys.stderr.flush()
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "share").mkdir()
    (tmp_path / "client.py").write_text(CLIENT)
    return tmp_path


def share(place: Path, **script: str) -> Share:
    words = [f"{verb}={answer}" for verb, answer in script.items()]
    command = (sys.executable, str(place / "client.py"), str(place / "share"), *words)
    return Share("file01.test", "incoming", place / "credentials", place, command)


@pytest.fixture
def file(place: Path) -> Iterator[int]:
    (place / "Akte").write_bytes(b"Akte" * 100_000)
    descriptor = os.open(place / "Akte", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_a_file_goes_there_and_comes_back(place: Path, file: int) -> None:
    own = share(place)
    own.make_folder("Häuser")
    own.upload(file, "Häuser/Übersicht ß; 'x'.pdf".replace("'", ""), 400_000)
    wanted = hashlib.sha256(b"Akte" * 100_000).hexdigest()
    assert own.sum_of("Häuser/Übersicht ß; x.pdf", 400_000) == wanted
    assert own.sum_of("Häuser/nothing", 0) is None
    assert own.sum_of("Häuser/Übersicht ß; x.pdf", 400_000) == wanted
    own.close()
    assert not (place / "read-back").exists()


def test_no_name_is_on_a_command_line(place: Path) -> None:
    own = share(place)
    own.make_folder("Frau Schmidt")
    processes = list(Path("/proc").glob("[0-9]*/cmdline"))
    lines = [process.read_bytes() for process in processes if process.exists()]
    own.close()
    assert any(str(place).encode() in line for line in lines)
    assert not any(b"Frau Schmidt" in line and str(place).encode() in line for line in lines)


ANSWERS = {
    "NT_STATUS_OBJECT_NAME_COLLISION": Exists,
    "NT_STATUS_OBJECT_PATH_NOT_FOUND": Refused,
    "NT_STATUS_ACCESS_DENIED": Refused,
    "NT_STATUS_DISK_FULL": ShareUnavailable,
    "NT_STATUS_CONNECTION_DISCONNECTED": ShareUnavailable,
    "NT_STATUS_IO_TIMEOUT": ShareUnavailable,
    "NT_STATUS_NEVER_HEARD_OF": OutcomeUnknown,
    "something else": OutcomeUnknown,
    "END": ShareUnavailable,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_means_what_it_says(answer: str, place: Path) -> None:
    own = share(place, rename=answer)
    with pytest.raises(ANSWERS[answer]) as caught:
        own.rename("a", "b")
    assert type(caught.value) is ANSWERS[answer]
    own.close()


def test_a_folder_that_is_there_is_as_good(place: Path) -> None:
    own = share(place, mkdir="NT_STATUS_OBJECT_NAME_COLLISION")
    own.make_folder("area")
    own.close()


def test_a_client_that_ended_says_why_and_the_next_use_connects_anew(place: Path) -> None:
    own = share(place, rename="END")
    with pytest.raises(ShareUnavailable, match="NT_STATUS_LOGON_FAILURE"):
        own.rename("a", "b")
    own.make_folder("area")
    assert (place / "share/area").is_dir()
    own.close()


def test_a_client_that_hangs_is_ended(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosts.services.scanner.share.SECONDS", 1.0)
    own = share(place, rename="HANG")
    with pytest.raises(ShareUnavailable, match="gave no answer in time"):
        own.rename("a", "b")
    assert own._process is None


def test_a_client_that_is_not_installed_is_reported(place: Path) -> None:
    with pytest.raises(OSError, match="no-such-client"):
        Share("file01.test", "incoming", place, place, ("no-such-client",)).make_folder("area")


@pytest.mark.parametrize("path", ["a\nrm b", 'a" "b', "ä" * 5000])
def test_what_could_be_another_order_is_never_sent(path: str, place: Path) -> None:
    own = share(place)
    with pytest.raises(Refused, match="it stays in clean"):
        own.rename(path, "b")
    assert not (place / "share.orders").exists()
