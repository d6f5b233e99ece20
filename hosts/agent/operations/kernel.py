"""Kernel settings and the host's own firewall."""

from __future__ import annotations

import difflib

from hosts.agent.host import Host
from hosts.agent.operations import atomic
from hosts.agent.results import CommandError, Difference, OperationError
from hosts.states import Firewall, Sysctl

RULES = "/etc/nftables.conf"


def _setting(state: Sysctl) -> str:
    return f"/etc/sysctl.d/60-livegang-{state.key}.conf"


def compare_sysctl(state: Sysctl, host: Host) -> list[Difference]:
    differences = []
    live = host.path("/proc/sys/" + state.key.replace(".", "/"))
    if not live.exists():
        raise OperationError("this kernel has no such setting")
    if (now := " ".join(live.read_text().split())) != state.value:
        differences.append(Difference(f"{now} instead of {state.value}"))
    file = host.path(_setting(state))
    if not file.exists() or file.read_text() != f"{state.key} = {state.value}\n":
        differences.append(Difference("not set at boot"))
    return differences


def apply_sysctl(state: Sysctl, host: Host) -> None:
    content = f"{state.key} = {state.value}\n".encode()
    atomic.write(host, host.path(_setting(state)), content, "root", "root", 0o644)
    try:
        host.path("/proc/sys/" + state.key.replace(".", "/")).write_text(state.value)
    except OSError as error:
        raise OperationError(f"the kernel does not take {state.value}: {error.strerror}") from error


def compare_firewall(state: Firewall, host: Host) -> list[Difference]:
    differences = []
    file = host.path(RULES)
    if not file.exists() or file.read_text() != state.rules:
        differences.append(Difference("other rules at boot" if file.exists() else "no rules at boot"))
    if host.facts.package("nftables")[1:2] != "i":
        return [*differences, Difference("no rules live")]
    try:
        # What the kernel makes of the wanted rules, without a thing of it reaching the host's own network.
        command = ["unshare", "--net", "sh", "-c", "nft --file /dev/stdin && nft --stateless list ruleset"]
        wanted = host.run(command, text=state.rules).splitlines()
    except CommandError as error:
        raise OperationError("nft refuses the rules", error.log) from error
    live = host.run(["nft", "--stateless", "list", "ruleset"]).splitlines()
    if live != wanted:
        lines = list(difflib.unified_diff(live, wanted, "live", "wanted", n=1, lineterm=""))[2:]
        differences.append(Difference("other rules live" if live else "no rules live", tuple(lines)))
    return differences


def apply_firewall(state: Firewall, host: Host) -> None:
    def validate(candidate: object) -> None:
        host.run(["nft", "--check", "--file", str(candidate)])

    atomic.write(host, host.path(RULES), state.rules.encode(), "root", "root", 0o755, validate)
    # One transaction: either all rules are in force or those from before.
    host.run(["nft", "--file", str(host.path(RULES))])
