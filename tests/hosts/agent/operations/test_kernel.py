"""Kernel settings and the host's firewall."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

import pytest

from hosts.agent.command_runner import Commands
from hosts.agent.operations import kernel
from hosts.agent.results import CommandError, OperationError
from hosts.states import Firewall, Sysctl
from tests.hosts.conftest import Scratch

COOKIES = Sysctl(key="net.ipv4.tcp_syncookies", value="1")
RULES = (
    "flush ruleset\ntable inet host {\n chain input {\n  type filter hook input priority filter; policy drop;\n }\n}\n"
)
LIVE = "table inet host {\n\tchain input {\n\t}\n}\n"


@pytest.mark.parametrize(
    ("live", "at_boot", "differences"),
    [
        ("1\n", "net.ipv4.tcp_syncookies = 1\n", []),
        ("0\n", "net.ipv4.tcp_syncookies = 1\n", ["0 instead of 1"]),
        ("1\n", None, ["not set at boot"]),
        ("2\n", "net.ipv4.tcp_syncookies = 2\n", ["2 instead of 1", "not set at boot"]),
    ],
)
def test_a_setting_holds_now_and_at_boot(
    scratch: Scratch, live: str, at_boot: str | None, differences: list[str]
) -> None:
    scratch.put("/proc/sys/net/ipv4/tcp_syncookies", live)
    (scratch.root / "etc/sysctl.d").mkdir()
    if at_boot is not None:
        scratch.put("/etc/sysctl.d/60-livegang-net.ipv4.tcp_syncookies.conf", at_boot)
    assert scratch.compare(COOKIES) == differences
    scratch.apply(COOKIES)
    assert scratch.compare(COOKIES) == []


def test_a_setting_that_the_kernel_does_not_know_is_an_error(scratch: Scratch) -> None:
    with pytest.raises(OperationError, match="no such setting"):
        scratch.compare(COOKIES)


@pytest.mark.parametrize(
    ("file", "live", "differences"),
    [
        (RULES, LIVE, []),
        (None, "", ["no rules at boot", "no rules live"]),
        ("flush ruleset\n", LIVE, ["other rules at boot"]),
        (RULES, LIVE.replace("input", "other"), ["other rules live"]),
    ],
)
def test_rules_hold_now_and_at_boot(scratch: Scratch, file: str | None, live: str, differences: list[str]) -> None:
    if file is not None:
        scratch.put("/etc/nftables.conf", file)
    scratch.table.answers = {
        "dpkg-query": "nftables ii \n",
        "unshare --net": LIVE,
        "nft --stateless list ruleset": live,
    }
    assert scratch.compare(Firewall(rules=RULES)) == differences
    assert scratch.table.changing() == []


def test_refused_rules_change_nothing(scratch: Scratch) -> None:
    scratch.put("/etc/nftables.conf", "flush ruleset\n")
    scratch.table.answers = {"nft --check": CommandError("nft ended with code 1", "syntax error")}
    with pytest.raises(OperationError):
        scratch.apply(Firewall(rules=RULES))
    assert (scratch.root / "etc/nftables.conf").read_text() == "flush ruleset\n"


def _can_make_namespaces() -> bool:
    try:
        Commands().run(["unshare", "--net", "nft", "list", "ruleset"])
    except CommandError:
        return False
    return True


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("nft") is None or not _can_make_namespaces(),
    reason="needs root, nft and network namespaces",
)
def test_a_rule_added_by_hand_is_shown_as_that_rule(scratch: Scratch) -> None:
    """With the real nft, in a network namespace of its own: the machine's rules are neither read nor touched."""

    class Elsewhere(Commands):
        """The live rules are those of a namespace with one rule more than wanted."""

        def run(self, command: Sequence[str], **options: object) -> str:
            if command[0] == "dpkg-query":
                return "nftables ii \n"
            if command[:1] == ["nft"]:
                by_hand = f"{RULES}\nadd rule inet host input tcp dport 23 accept\n"
                listing = "nft --file /dev/stdin && nft --stateless list ruleset"
                return super().run(["unshare", "--net", "sh", "-c", listing], text=by_hand)
            return super().run(command, **options)  # type: ignore[arg-type]

    scratch.put("/etc/nftables.conf", RULES)
    host = scratch.host()
    host.commands = Elsewhere()
    host.run = host.commands.run
    host.facts._commands = host.commands
    (difference,) = kernel.compare_firewall(Firewall(rules=RULES), host)
    assert difference.what == "other rules live"
    assert [line for line in difference.lines if line[0] in "+-"] == ["-\t\ttcp dport 23 accept"]
