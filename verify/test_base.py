"""What is true of every host, whatever its role: logins, time, firewall, file systems, packages, failed units."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from landscape.parties import ANY_HOST
from verify.inspection import storage
from verify.inspection.expectations import current, hosts, one_of, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.packages import SIGNED_UPDATE
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import check
from verify.report.plugin import NEEDS
from verify.report.root_causes import STORAGE, UNIT

testinfra_hosts = specs()
ask_about("chrony", "nftables")

SSHD_OPTIONS = (
    "passwordauthentication|kbdinteractiveauthentication|permitrootlogin|permitemptypasswords|pubkeyauthentication"
    "|x11forwarding|allowtcpforwarding|allowagentforwarding|gatewayports|permittunnel"
)
LARGEST_OFFSET = 0.1
"""Seconds: far less than what would matter to certificates, to logs of two hosts or to the times of records."""

STATE = Gathering(
    __name__,
    lambda host: batch(
        host,
        {
            "name": "hostname --fqdn",
            "sshd": f"sshd -T | grep -E '^({SSHD_OPTIONS}) '",
            "keys": "sshd -T | sed -n 's/^hostkey //p' | while read key; do cat $key.pub 2>/dev/null; done; true",
            "passwords": "passwd -S -a",
            "sudo": f"sudo -l -U {current().inventory.way_in.user}",
            "administrators": "getent group sudo",
            # Without sources (in a landscape whose own clock is the reference) there is nothing to wait for.
            "follows": '[ -z "$(chronyc -n -c sources)" ] || chronyc waitsync 15 0 0 1 >/dev/null; '
            "chronyc -n -c sources",
            "clock": "chronyc -n -c tracking",
            "firewall": "nft list chains",
            "journal": "systemd-analyze cat-config systemd/journald.conf | grep -E '^[A-Z][A-Za-z]+='",
            "storage": storage.LOOK,
            "failed": "systemctl list-units --failed --plain --no-legend",
            "system": "systemctl is-system-running",
            "signatures": SIGNED_UPDATE,
            "lax": "apt-config dump | grep -E '(AllowUnauthenticated|AllowInsecureRepositories|AllowWeakRepositories"
            '|AllowDowngradeToInsecureRepositories) "(true|1|yes)"\'',
            "kernel": "sysctl net.ipv4.conf.all.accept_redirects net.ipv4.conf.all.send_redirects "
            "net.ipv4.conf.all.accept_source_route net.ipv4.tcp_syncookies",
            # If it is switched off after the first boot, that boot's result counts, else this boot's.
            "cloud-init": "if [ -e /run/cloud-init/disabled ]; then cat /var/lib/cloud/data/result.json; "
            "else cat /run/cloud-init/result.json; fi",
        },
    ),
)


@pytest.fixture
def state(host: Any) -> Outputs:
    """The host's effective state, fetched from all hosts concurrently."""
    return STATE.of(host.backend.hostname)


def option(state: Outputs, name: str) -> str:
    """The effective value of an sshd option, as sshd itself reports it."""
    return next((line.split(maxsplit=1)[1] for line in state.lines("sshd") if line.startswith(f"{name} ")), "")


@check("identity")
def test_host_has_its_own_name(host: Any, state: Outputs) -> None:
    """Two hosts with swapped addresses would be configured as each other."""
    expected = current().inventory.hosts[host.backend.hostname].fqdn
    assert state["name"].strip() in (expected, host.backend.hostname), (
        f"the host at this address calls itself {state['name'].strip()}, not {expected}"
    )


@check("cloud-init")
def test_cloud_init_finished_without_errors(host: Any, state: Outputs) -> None:
    """A host whose first boot failed may lack its user, its keys or its disk."""
    assert state.status("cloud-init") == 0, "cloud-init has not finished"
    result = json.loads(state["cloud-init"])["v1"]
    assert not result["errors"], f"cloud-init ended with errors: {'; '.join(map(str, result['errors']))}"


@check("sshd")
def test_sshd_refuses_passwords(state: Outputs) -> None:
    """A guessed or leaked password would open the host."""
    for name in ("passwordauthentication", "kbdinteractiveauthentication", "permitemptypasswords"):
        assert option(state, name) == "no", f"sshd: {name} is {option(state, name) or 'not set'}, not no"
    assert option(state, "pubkeyauthentication") == "yes", "sshd does not accept keys"


@check("sshd")
def test_sshd_refuses_root(state: Outputs) -> None:
    """If people log in as root, no one can say later who it was."""
    assert option(state, "permitrootlogin") == "no", f"sshd: permitrootlogin is {option(state, 'permitrootlogin')}"


@check("sshd")
def test_sshd_forwards_on_the_jump_host_only(host: Any, state: Outputs) -> None:
    """A host that forwards connections bypasses the security groups; only the jump host must forward."""
    forwarding = option(state, "allowtcpforwarding")
    if host.backend.hostname == current().inventory.way_in.jump_host:
        assert forwarding in ("yes", "local"), f"sshd: allowtcpforwarding is {forwarding}: no other host can be reached"
    else:
        assert forwarding == "no", f"sshd: allowtcpforwarding is {forwarding}, not no"
    for name in ("x11forwarding", "permittunnel"):
        assert option(state, name) == "no", f"sshd: {name} is {option(state, name)}, not no"


@check("sshd")
def test_host_keys_are_the_pinned_ones(host: Any, state: Outputs) -> None:
    """Host keys that are not pinned teach people to accept any key, an impostor's too."""
    pinned = {" ".join(key.split()[:2]) for key in current().inventory.hosts[host.backend.hostname].host_keys}
    served = {" ".join(line.split()[:2]) for line in state.lines("keys")}
    assert served == pinned, f"sshd serves {len(served)} host keys, {len(served - pinned)} of which are not pinned"


@check("users")
def test_no_account_has_a_password(state: Outputs) -> None:
    """Every password on a host is one more secret that no one rotates."""
    assert state.status("passwords") == 0, f"the accounts cannot be listed: {state['passwords']}"
    able = [line.split()[0] for line in state.lines("passwords") if line.split()[1] not in ("L", "LK", "NL")]
    assert not able, f"these accounts have a password or need none: {', '.join(able)}"


@check("users")
def test_only_the_administrator_may_become_root(state: Outputs) -> None:
    """A forgotten administrator keeps all rights after leaving."""
    user = current().inventory.way_in.user
    assert "NOPASSWD: ALL" in state["sudo"], f"{user} may not run everything as root without a password"
    members = set(state["administrators"].strip().rpartition(":")[2].split(",")) - {""}
    assert members <= {user}, f"the group sudo has other members: {', '.join(sorted(members - {user}))}"


@check(
    "time",
    needs=[
        "chrony:{host}",
        one_of("management", "time-server:{member}"),
        one_of("management", "time:{member}"),
        *open_flows(ANY_HOST, "management", "{host}"),
    ],
)
def test_clock_follows_management(host: Any, state: Outputs) -> None:
    """Clocks that disagree break certificates, the order of records, and any comparison of logs."""
    known = current().inventory
    is_server = "management" in known.hosts[host.backend.hostname].roles
    if is_server and not known.time_sources:
        # Its own clock is the reference of the landscape.
        assert clock(state)["leap"] == "Normal", f"chrony reports of the reference clock: {clock(state)['leap']}"
        return
    selected = [line.split(",") for line in state.lines("follows") if line.startswith("^,*")]
    assert selected, "chrony follows no time source"
    if not is_server:
        servers = {str(server.address) for server in hosts("management")}
        assert selected[0][2] in servers, f"chrony follows {selected[0][2]}, not {', '.join(sorted(servers))}"
    assert int(selected[0][5], 8) > 0, "chrony's source has not answered recently"
    assert clock(state)["leap"] == "Normal", f"chrony reports: {clock(state)['leap']}"
    offset = abs(float(clock(state)["offset"]))
    assert offset < LARGEST_OFFSET, f"the clock is off by {offset:.3f} s"


def clock(state: Outputs) -> dict[str, str]:
    """The three fields of `chronyc tracking` that matter here."""
    fields = state["clock"].strip().split(",")
    assert len(fields) > 12, f"chrony does not answer: {state['clock'].strip()}"
    return {"reference": fields[1], "offset": fields[4], "leap": fields[13]}


@check("time", proves="chrony:{host}", unit="chrony")
def test_chrony_is_running(host: Any) -> None:
    """Without it the clock drifts."""
    assert is_running(host, "chrony"), explain(host, "chrony")


@check("time")
def test_chrony_is_enabled(host: Any) -> None:
    """After a reboot without it, the clock drifts and no one notices until something else fails."""
    assert is_enabled(host, "chrony"), "chrony would not start at the next boot"


@check("firewall")
def test_firewall_drops_what_is_not_allowed(state: Outputs) -> None:
    """The security group is one line of defence; a single mistake in it must not be enough."""
    assert re.search(r"hook input priority [^;]+; policy drop;", state["firewall"]), (
        "no input chain of the host's firewall drops by default"
    )


@check("firewall")
def test_firewall_is_loaded_at_boot(host: Any) -> None:
    """Rules that exist only in the kernel are gone after the next boot."""
    assert is_enabled(host, "nftables"), "nftables would not be loaded at the next boot"


@check("kernel")
def test_host_takes_no_routes_from_others(state: Outputs) -> None:
    """A compromised neighbour could redirect this host's traffic through itself."""
    values = dict(line.split(" = ") for line in state.lines("kernel"))
    assert values.pop("net.ipv4.tcp_syncookies") == "1", "a flood of connections would stop the host"
    wrong = [name for name, value in values.items() if value != "0"]
    assert not wrong, f"not 0: {', '.join(wrong)}"


@check("logs")
def test_journal_is_limited(state: Outputs) -> None:
    """A chatty service must not fill the disk that the database writes to."""
    values = dict(line.split("=", 1) for line in state.lines("journal"))
    assert values.get("SystemMaxUse"), "journald has no SystemMaxUse"
    assert values.get("Storage", "persistent") == "persistent", "the journal is lost at each boot"


@check("storage", proves=f"{STORAGE}{{host}}")
def test_file_systems_have_room_and_can_be_written(state: Outputs) -> None:
    """A full or read-only disk stops whatever writes next: the database, a document, the log that would say why."""
    found = [line.split(maxsplit=4) for line in state.lines("storage")]
    assert {len(words) for words in found} == {5}, f"its file systems cannot be listed: {state['storage']}"
    # Of file systems mounted over each other, only the last is visible.
    problems = [
        problem for words in {words[0]: words for words in found}.values() if (problem := storage.problem(*words))
    ]
    assert not problems, "; ".join(problems)


@check("units", needs=[f"{STORAGE}{{host}}"])
def test_no_unit_has_failed(host: Any, state: Outputs, record_property: Callable[[str, object], None]) -> None:
    """A failed unit may be an outage that no one has noticed yet."""
    failed = [line.split()[0] for line in state.lines("failed")]
    # Units that another check has found are reported there.
    record_property(NEEDS, tuple(f"{UNIT}{unit}@{host.backend.hostname}" for unit in failed))
    assert not failed, f"failed: {', '.join(failed)}"


@check("packages", needs=[one_of("management", "mirror:{member}"), f"{STORAGE}{{host}}"])
def test_packages_come_signed_from_the_mirror_alone(host: Any, state: Outputs) -> None:
    """An unmaintained source installs what no one has tested, or what someone else has signed."""
    answers = state.lines("signatures")
    wrong = [line for line in answers if line.startswith(("E:", "W:", "Err:"))]
    assert not wrong, f"apt cannot use its sources: {wrong[0]}"
    assert state.status("signatures") == 0, f"apt cannot use its sources: {' '.join(answers[-1:])}"
    sites = {match[1] for line in answers if (match := re.match(r"(?:Get|Hit):\d+ [a-z+]+://([^/:]+)", line))}
    assert sites, "apt has no source at all"
    servers = hosts("management")
    if host.backend.hostname in {server.name for server in servers}:  # it is the mirror itself
        allowed = {urlsplit(source.uri).hostname or "" for source in current().inventory.packages.sources}
    else:
        allowed = {name for server in servers for name in (str(server.address), server.name, server.fqdn)}
    assert sites <= allowed, f"apt also installs from {', '.join(sorted(sites - allowed))}"


@check("packages")
def test_unsigned_packages_are_refused(state: Outputs) -> None:
    """A single setting turns off signature checks for good, and is easily set in haste."""
    assert not state.lines("lax"), f"apt accepts unsigned sources: {state.lines('lax')[0]}"
