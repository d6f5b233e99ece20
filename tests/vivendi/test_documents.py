"""Documents through a stand-in for smbclient; the real one is proven in verify/test_application.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from vivendi.vivendi_standin.database import Unavailable
from vivendi.vivendi_standin.documents import NAME, Absent, Documents

CLIENT = """#!/bin/sh
# smbclient SHARE OPTIONS… -c COMMAND, over a folder.
printf '%s\\n' "$*" >>"$FOLDER/calls"
while [ "$1" != -c ]; do shift; done
eval "set -- $2"
case $1 in
put) cp "$2" "$FOLDER/$3" ;;
get) [ -e "$FOLDER/$2" ] || { echo NT_STATUS_OBJECT_NAME_NOT_FOUND; exit 1; }; cp "$FOLDER/$2" "$3" ;;
del) [ -e "$FOLDER/$2" ] || { echo NT_STATUS_NO_SUCH_FILE; exit 1; }; rm "$FOLDER/$2" ;;
esac
"""


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Documents:
    _install(tmp_path, monkeypatch, CLIENT)
    return Documents("//file01/kita", tmp_path / "credentials")


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    client = folder / "smbclient"
    client.write_text(text)
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("FOLDER", str(folder))


def test_a_document_is_stored_read_and_removed(documents: Documents) -> None:
    documents.store("bericht.pdf", b"\x00\xff")
    assert documents.fetch("bericht.pdf") == b"\x00\xff"
    documents.remove("bericht.pdf")
    with pytest.raises(Absent):
        documents.fetch("bericht.pdf")
    with pytest.raises(Absent):
        documents.remove("bericht.pdf")


def test_encryption_is_required_and_no_password_is_on_the_command_line(documents: Documents, tmp_path: Path) -> None:
    documents.store("a", b"")
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert "--client-protection=encrypt" in call
    assert "--option=clientminprotocol=SMB3_11" in call
    assert f"--authentication-file={tmp_path}/credentials" in call


@pytest.mark.parametrize("word", ["NT_STATUS_ACCESS_DENIED", "NT_STATUS_IO_TIMEOUT"])
def test_a_refusal_is_reported(
    documents: Documents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    _install(tmp_path, monkeypatch, f"#!/bin/sh\necho tree connect failed: {word}\nexit 1\n")
    with pytest.raises(Unavailable, match=word):
        documents.fetch("a")


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", 'a"b', "a;b", "a b", "ä", "a" * 101, "a\n"])
def test_names_that_could_mean_something_else_are_invalid(name: str) -> None:
    assert not NAME.fullmatch(name)
