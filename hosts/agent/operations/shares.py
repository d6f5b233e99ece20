"""Accounts in Samba's own database, which holds a hash of each password, never the password.

The hash is NT's: MD4 of the password in UTF-16. It is what the protocol compares, so it is as good as the password
and stays here. Python's `hashlib` has MD4 only where OpenSSL still offers it, so it is computed here (RFC 1320).
"""

from __future__ import annotations

import hmac
import struct

from hosts.agent.host import Host
from hosts.agent.results import Difference
from hosts.states import ShareUser

_WORD = 0xFFFFFFFF


def _rotated(value: int, bits: int) -> int:
    value &= _WORD
    return (value << bits | value >> (32 - bits)) & _WORD


def _block(state: tuple[int, int, int, int], block: bytes) -> tuple[int, int, int, int]:
    words = struct.unpack("<16I", block)
    a, b, c, d = state
    for k, shift in zip(range(16), (3, 7, 11, 19) * 4, strict=True):
        a, b, c, d = d, _rotated(a + (b & c | ~b & d) + words[k], shift), b, c
    columns = [row * 4 + column for column in range(4) for row in range(4)]
    for k, shift in zip(columns, (3, 5, 9, 13) * 4, strict=True):
        a, b, c, d = d, _rotated(a + (b & c | b & d | c & d) + words[k] + 0x5A827999, shift), b, c
    mirrored = (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)
    for k, shift in zip(mirrored, (3, 9, 11, 15) * 4, strict=True):
        a, b, c, d = d, _rotated(a + (b ^ c ^ d) + words[k] + 0x6ED9EBA1, shift), b, c
    first, second, third, fourth = state
    return (first + a) & _WORD, (second + b) & _WORD, (third + c) & _WORD, (fourth + d) & _WORD


def md4(data: bytes) -> bytes:
    """MD4 of ``data``, 16 bytes."""
    padded = data + b"\x80" + bytes(-(len(data) + 9) % 64) + struct.pack("<Q", len(data) * 8)
    state = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
    for start in range(0, len(padded), 64):
        state = _block(state, padded[start : start + 64])
    return struct.pack("<4I", *state)


def nt_hash(password: str) -> str:
    """As Samba writes it: 32 capital hexadecimal digits."""
    return md4(password.encode("utf-16-le")).hex().upper()


def _accounts(host: Host) -> dict[str, tuple[str, str]]:
    """NT hash and flags by user, as `pdbedit` prints the lines of an smbpasswd file."""
    if "share accounts" not in host.memory:
        lines = host.run(["pdbedit", "--list", "--smbpasswd-style"]).splitlines()
        rows = [line.split(":") for line in lines if line.count(":") >= 5]
        host.memory["share accounts"] = {row[0]: (row[3], row[4]) for row in rows}
    accounts: dict[str, tuple[str, str]] = host.memory["share accounts"]
    return accounts


def compare_user(state: ShareUser, host: Host) -> list[Difference]:
    found = _accounts(host).get(state.user) if _installed(host) else None
    if found is None:
        return [Difference("missing")]
    differences = []
    if not hmac.compare_digest(found[0], nt_hash(host.vault.value(state.password.purpose))):
        differences.append(Difference("secret content differs"))
    if set("DNL") & set(found[1]):  # disabled, no password needed, locked out
        differences.append(Difference(f"flags {found[1].replace(' ', '')} instead of [U]"))
    return differences


def _installed(host: Host) -> bool:
    return host.path("/usr/bin/pdbedit").exists()


def apply_user(state: ShareUser, host: Host) -> None:
    """Make the account, or give it its password and enable it."""
    found = _accounts(host).get(state.user)
    host.memory.pop("share accounts", None)
    password = host.vault.value(state.password.purpose)
    # Through standard input, twice, as it asks.
    host.run(["smbpasswd", "-s", "-a", state.user], text=f"{password}\n{password}\n")
    if found is not None and set("DNL") & set(found[1]):
        host.run(["pdbedit", "--modify", "--account-control=[U]", f"--user={state.user}"])
