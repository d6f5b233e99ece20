"""Samba's accounts: given this database, exactly these commands, and no password but on standard input."""

from __future__ import annotations

import pytest

from hosts.agent.operations.shares import md4, nt_hash
from hosts.states import Secret, ShareUser
from tests.hosts.conftest import Scratch

PEP = ShareUser(user="smb-pep", password=Secret("smb/pep"))
GOOD = "smb-pep:990:XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX:8846F7EAEE8FB117AD06BDD830B7586C:[U          ]:LCT-674A0000:\n"


@pytest.fixture
def samba(scratch: Scratch) -> Scratch:
    scratch.put("/usr/bin/pdbedit")
    scratch.secrets["smb/pep"] = "password"
    scratch.table.answers = {"pdbedit --list": GOOD, "smbpasswd": "", "pdbedit --modify": ""}
    return scratch


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        # RFC 1320, appendix A.5
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4(data: bytes, digest: str) -> None:
    assert md4(data).hex() == digest


def test_the_hash_is_that_of_windows() -> None:
    assert nt_hash("password") == "8846F7EAEE8FB117AD06BDD830B7586C"


def test_an_account_with_the_right_password_is_left_alone(samba: Scratch) -> None:
    assert samba.compare(PEP) == []


@pytest.mark.parametrize(
    ("listed", "differences", "commands"),
    [
        ("", ["missing"], ["smbpasswd -s -a smb-pep"]),
        (GOOD.replace("8846", "0000"), ["secret content differs"], ["smbpasswd -s -a smb-pep"]),
        (
            GOOD.replace("[U          ]", "[DU         ]"),
            ["flags [DU] instead of [U]"],
            ["smbpasswd -s -a smb-pep", "pdbedit --modify --account-control=[U] --user=smb-pep"],
        ),
    ],
)
def test_an_account_is_brought_to_its_state(
    samba: Scratch, listed: str, differences: list[str], commands: list[str]
) -> None:
    samba.table.answers["pdbedit --list"] = listed
    assert samba.compare(PEP) == differences
    samba.table.calls.clear()
    samba.table.inputs.clear()
    samba.apply(PEP)
    changing = [call for call in samba.table.calls if not call.startswith("pdbedit --list")]
    assert changing == commands
    assert samba.table.inputs[samba.table.calls.index(commands[0])] == "password\npassword\n"
    assert not any("password" in call.replace("smbpasswd", "") for call in samba.table.calls)


def test_before_samba_is_installed_an_account_is_missing(scratch: Scratch) -> None:
    scratch.secrets["smb/pep"] = "password"
    assert scratch.compare(PEP) == ["missing"]
