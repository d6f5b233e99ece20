"""Groups and users."""

from __future__ import annotations

from hosts.agent.host import Host
from hosts.agent.results import Difference
from hosts.states import Group, User


def compare_group(state: Group, host: Host) -> list[Difference]:
    return [] if host.facts.gid(state.group) is not None else [Difference("missing")]


def apply_group(state: Group, host: Host) -> None:
    host.run(["groupadd", *_prefix(host), "--system", state.group])


def compare_user(state: User, host: Host) -> list[Difference]:
    row = host.facts.accounts("passwd").get(state.user)
    if row is None:
        return [Difference("missing")]
    differences = []
    if state.group is not None and row[3] != str(host.facts.gid(state.group)):
        differences.append(Difference(f"primary group {row[3]} instead of {state.group}"))
    if state.home is not None and row[5] != state.home:
        differences.append(Difference(f"home {row[5]} instead of {state.home}"))
    if row[6] != state.shell:
        differences.append(Difference(f"shell {row[6]} instead of {state.shell}"))
    groups = host.facts.accounts("group")
    for group in state.groups:
        if state.user not in groups.get(group, ["", "", "", ""])[3].split(","):
            differences.append(Difference(f"not in group {group}"))
    return differences


def apply_user(state: User, host: Host) -> None:
    options = ["--shell", state.shell]
    if state.group is not None:
        options += ["--gid", state.group]
    if state.home is not None:
        options += ["--home-dir" if state.user not in host.facts.accounts("passwd") else "--home", state.home]
    if state.user in host.facts.accounts("passwd"):
        more = ["--append", "--groups", ",".join(state.groups)] if state.groups else []
        host.run(["usermod", *_prefix(host), *options, *more, state.user])
        return
    if state.groups:
        options += ["--groups", ",".join(state.groups)]
    options += ["--system", "--no-create-home"] if state.system else ["--create-home"]
    host.run(["useradd", *_prefix(host), *options, state.user])


def _prefix(host: Host) -> list[str]:
    return [] if str(host.root) == "/" else ["--prefix", str(host.root)]
