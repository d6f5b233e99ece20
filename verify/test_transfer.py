"""The transfer host: the old hoster's drop, who has access to what in it, and what becomes of dropped files.

Files are dropped over SFTP from the vantage point `old-hoster` if the stack names one, else they are written on the
host itself as the old hoster's user. They are removed again; their lines in the service's log remain.
"""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from landscape.names import SCANNER, TRANSFER_FOLDER, files_log, status_file
from landscape.parties import OLD_HOSTER
from verify.inspection import leftovers
from verify.inspection.expectations import flows, hosts, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.inspection.uploads import PLACE, VERDICT_SECONDS, lines_about, send, wanted
from verify.report.check_marker import Need, check

testinfra_hosts = specs("transfer")
ask_about(SCANNER, "clamav-daemon")

SFTP = pytest.mark.parametrize("target", [host.name for host in hosts("transfer")])
LOG = files_log(SCANNER)
LARGEST_AGE = 60
"""Seconds since the service's last status report: it writes one every few seconds, except during a long scan."""
NEEDS: list[Need] = ["clamd:{host}", "scanner:{host}", *(["drop"] if PLACE else [])]
SCANNED: list[Need] = [*NEEDS, "dropped:{host}"]
"""The needs of checks of the scanner's verdicts. (Files can be dropped even if nothing scans them.)"""
CLOSED = ("drop/incoming", "work", "infected", "unclear", "manifests", "clean")
SSHD_WANTED = {
    "chrootdirectory": f"{TRANSFER_FOLDER}/drop",
    "allowtcpforwarding": "no",
    "allowstreamlocalforwarding": "no",
    "allowagentforwarding": "no",
    "x11forwarding": "no",
    "permittunnel": "no",
    "permittty": "no",
    "permituserrc": "no",
    "passwordauthentication": "no",
    "kbdinteractiveauthentication": "no",
}
CLAMD_WANTED = {"AlertExceedsMax": "yes", "AlertEncrypted": "yes", "ScanArchive": "yes"}
SANDBOX = {
    "User": SCANNER,
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateNetwork": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "cap_dac_override",
    "ReadWritePaths": TRANSFER_FOLDER,
}


def caller() -> str:
    """An address from which the old hoster may connect."""
    prefixes = [prefix for flow in flows(OLD_HOSTER, "transfer") for prefix in flow.source_prefixes]
    return prefixes[0].partition("/")[0] if prefixes else "192.0.2.1"


def look(host: Any) -> Outputs:
    user = wanted().user
    client = shlex.quote(f"user={user},host={caller()},addr={caller()},laddr=127.0.0.1,lport=22")
    folders = [f"{TRANSFER_FOLDER}/{name}" for name in CLOSED]
    commands = {
        "sshd": f"sshd -T -C {client}",
        "keys": f"cat /etc/ssh/authorized_keys/{user}",
        "rights": f"stat -c '%n %U %G %a' {TRANSFER_FOLDER} {TRANSFER_FOLDER}/drop {' '.join(folders)}",
        "clamd": "cat /etc/clamav/clamd.conf",
        "sandbox": f"systemctl show -p {','.join(SANDBOX)} {SCANNER}",
        "status": f"cat {status_file(SCANNER)}; echo; date +%s",
    }
    for name, folder in zip(CLOSED, folders, strict=True):
        commands[f"nobody {name}"] = f"cd / && sudo -u nobody ls {folder}"
        commands[f"sender {name}"] = f"cd / && sudo -u {user} ls {folder}"
        commands[f"service {name}"] = f"cd / && sudo -u {SCANNER} ls {folder}"
    return batch(host, commands)


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    """How the drop on this host is set up."""
    return STATE.of(host.backend.hostname)


@dataclass
class Dropped:
    """What was dropped, and what became of it."""

    sent: dict[str, Any]
    log: list[dict[str, Any]] = field(default_factory=list)
    found: Outputs | None = None

    def of(self, name: str) -> dict[str, Any]:
        """The only line of the log about a file."""
        lines = [entry for entry in self.log if str(entry["path"]).endswith(f"/{name}")]
        assert len(lines) == 1, f"{len(lines)} lines in {LOG} about {name} {VERDICT_SECONDS} s after it was dropped"
        return lines[0]


def drop_and_follow(host: Any) -> Dropped:
    """Drop files, wait for their verdicts, see where they are, and remove them."""
    folder = f"livegang-readiness-{uuid.uuid4()}"
    clean = f"{TRANSFER_FOLDER}/clean/{folder}"
    try:
        dropped = Dropped(send(host, folder))
        dropped.log = lines_about(host, folder, LOG, len(dropped.sent["sums"]) + 1)
        dropped.found = batch(
            host,
            {
                "sums": f"cd {clean} && find . -type f -exec sha256sum {{}} +",
                "rights": f"cd {clean} && find . -type f -printf '%u %g %m %P\\n'",
                "nobody": f"cd / && sudo -u nobody cat {clean}/*",
                "left": f"find {TRANSFER_FOLDER}/drop/incoming/{folder} -type f",
            },
        )
    finally:
        leftovers.remove(host, TRANSFER_FOLDER, folder)
    return dropped


DROP = Gathering(__name__, drop_and_follow, places=lambda: [host.name for host in hosts("transfer")], waits=True)

Note = Callable[[str, object], None]


@pytest.fixture
def dropped(host: Any, evidence: Note) -> Dropped:
    """The files that this run dropped, and their verdicts."""
    found = DROP.of(host.backend.hostname)
    evidence("the drop", found.sent["upload"])
    evidence("the service's log", found.log)
    return found


@pytest.fixture
def tried(target: str, evidence: Note) -> Callable[[str], dict[str, Any]]:
    """The outcome of something that the old hoster's account tried."""
    if not PLACE:
        pytest.skip("the stack names no vantage point old-hoster, from which to try what its account may do")

    def part(name: str) -> dict[str, Any]:
        found: dict[str, Any] = DROP.of(target).sent[name]
        evidence(f"{PLACE}: {name}", found)
        return found

    return part


@check("scanner", proves="scanner:{host}", unit=SCANNER)
def test_scanner_is_running(host: Any) -> None:
    """Without it nothing that the old hoster sends is scanned or delivered."""
    assert is_running(host, SCANNER), explain(host, SCANNER)


@check("scanner")
def test_scanner_is_enabled(host: Any) -> None:
    """After a reboot files would only pile up."""
    assert is_enabled(host, SCANNER), f"{SCANNER} would not start at the next boot"


@check("clamd", proves="clamd:{host}", unit="clamav-daemon")
def test_clamd_is_running(host: Any) -> None:
    """Without it nothing is scanned."""
    assert is_running(host, "clamav-daemon"), explain(host, "clamav-daemon")


@check("clamd")
def test_clamd_is_enabled(host: Any) -> None:
    """After a reboot nothing would be scanned."""
    assert is_enabled(host, "clamav-daemon"), "clamav-daemon would not start at the next boot"


@check("clamd")
def test_clamd_reports_what_it_could_not_scan(state: Outputs) -> None:
    """Unless configured otherwise, clamd calls a file clean of which it has scanned only a part."""
    values = dict(line.split(maxsplit=1) for line in state.lines("clamd") if not line.startswith("#") and " " in line)
    wrong = [
        f"{name} {values.get(name, 'not set')}" for name, value in CLAMD_WANTED.items() if values.get(name) != value
    ]
    assert not wrong, f"clamd: {', '.join(wrong)}"


@check("scanner", needs=["scanner:{host}", "clamd:{host}"])
def test_scanner_scans(state: Outputs) -> None:
    """A service that hangs, or whose signatures are missing or too old, looks alive from outside."""
    document, now = state["status"].strip().rsplit("\n", 1)
    status = json.loads(document)
    age = int(now) - int(status["at"])
    assert age < LARGEST_AGE, f"its last status report is {age} s old"
    assert status["blocked"] is None, f"it scans nothing: {status['blocked']}"


@check("scanner")
def test_scanner_is_sandboxed(state: Outputs) -> None:
    """It reads files from outside: whoever breaks into it must find nothing else."""
    values = dict(line.split("=", 1) for line in state.lines("sandbox"))
    wrong = [f"{name}={values.get(name)}" for name, value in SANDBOX.items() if values.get(name) != value]
    assert not wrong, f"not as wanted: {', '.join(wrong)}"


@check("sshd")
def test_old_hoster_may_do_nothing_but_sftp(state: Outputs) -> None:
    """With a shell or port forwarding, whoever has the old hoster's key could reach the landscape."""
    values = dict(line.split(maxsplit=1) for line in state.lines("sshd") if " " in line)
    wrong = [f"{name} {values.get(name)}" for name, value in SSHD_WANTED.items() if values.get(name) != value]
    assert not wrong, f"sshd, for {wanted().user}: {', '.join(wrong)}"
    command = values.get("forcecommand", "")
    assert command.startswith("internal-sftp "), f"sshd, for {wanted().user}: forcecommand {command or 'is not set'}"


@check("sshd")
def test_old_hoster_has_the_stacks_keys_only(state: Outputs) -> None:
    """A key that was added by hand gives access that no one knows of."""
    lines = [line for line in state.lines("keys") if not line.startswith("#")]
    present = {tuple(line.removeprefix("restrict ").split()[:2]) for line in lines}
    assert present == {tuple(key.split()[:2]) for key in wanted().public_keys}, (
        f"the keys that may drop files ({len(present)}) are not those of the stack ({len(wanted().public_keys)})"
    )
    assert all(line.startswith("restrict ") for line in lines), "a key is not restricted"


@check("folders")
def test_folders_have_their_owners(state: Outputs) -> None:
    """If a folder above a chroot does not belong to root, there is a way out of it."""
    user, service = wanted().user, SCANNER
    expected = {TRANSFER_FOLDER: "root root 755", f"{TRANSFER_FOLDER}/drop": "root root 755"}
    expected |= {f"{TRANSFER_FOLDER}/{name}": f"{service} {service} 700" for name in CLOSED}
    expected |= {
        f"{TRANSFER_FOLDER}/drop/incoming": f"root {user} 770",
        f"{TRANSFER_FOLDER}/clean": f"{service} transfer-clean 750",
    }
    found = dict(line.split(" ", 1) for line in state.lines("rights"))
    wrong = [f"{path} {found.get(path, 'missing')}" for path, rights in expected.items() if found.get(path) != rights]
    assert not wrong, f"not as wanted: {', '.join(wrong)}"


@check("folders")
def test_no_one_else_gets_into_the_folders(state: Outputs) -> None:
    """They hold clients' records, before anyone knows what else is in them. Twin: their own user gets in."""
    for name in CLOSED:
        assert state.status(f"nobody {name}") != 0, f"any user can list {TRANSFER_FOLDER}/{name}"
        twin = "sender" if name == "drop/incoming" else "service"
        assert state.status(f"{twin} {name}") == 0, f"a refusal proves nothing here: not even the {twin} gets in"
        if twin == "service":
            assert state.status(f"sender {name}") != 0, f"the old hoster can list {TRANSFER_FOLDER}/{name}"


@check("drop", proves="dropped:{host}", needs=NEEDS)
def test_files_can_be_dropped(dropped: Dropped) -> None:
    """The move begins with the old hoster's export; without a working drop it cannot begin."""
    upload = dropped.sent["upload"]
    reason = next((line for line in reversed(upload["text"].splitlines()) if not line.startswith("sftp>")), "")
    assert upload["status"] == 0, f"nothing can be dropped: {reason or 'no reason given'}"


@check("drop", needs=SCANNED)
def test_clean_file_arrives_unchanged(dropped: Dropped) -> None:
    """A file lost or changed on the way is a client's record lost."""
    name = "Übersicht.txt"
    entry = dropped.of(name)
    assert entry["verdict"] == "clean", f"{name}: {entry['verdict']}, {entry['reason']}"
    assert dropped.found is not None
    sums = [line.split()[0] for line in dropped.found.lines("sums")]
    assert sums == [dropped.sent["sums"][name]] == [entry["sha256"]], "the checksum of the file in clean differs"


INFECTED = ("plain.com", "nested.zip")


@pytest.mark.parametrize("file", INFECTED)
@check("drop", needs=SCANNED)
def test_malware_is_found(file: str, dropped: Dropped) -> None:
    """A single file with malware ends an emergency move."""
    entry = dropped.of(file)
    assert entry["verdict"] == "infected", f"{file}: {entry['verdict']}, {entry['reason']}"


@pytest.mark.parametrize("file", ["bomb.zip", "link.tar"])
@check("drop", needs=SCANNED)
def test_what_cannot_be_scanned_goes_no_further(file: str, dropped: Dropped) -> None:
    """An archive that could not be scanned completely may hold anything."""
    entry = dropped.of(file)
    assert entry["verdict"] == "unclear", f"{file}: {entry['verdict']}, {entry['reason']}"


@check("drop", needs=SCANNED)
def test_only_the_clean_file_goes_on(dropped: Dropped) -> None:
    """Files that are not clean must not be where the next step takes its files from, nor stay without a verdict."""
    assert dropped.found is not None
    names = [line.split(" ", 3)[3] for line in dropped.found.lines("rights")]
    assert names == ["Übersicht.txt"], f"in clean: {', '.join(names) or 'nothing'}"
    assert not dropped.found.lines("left"), f"still in the drop: {len(dropped.found.lines('left'))} files"


@check("drop", needs=SCANNED)
def test_clean_file_is_for_its_readers_only(dropped: Dropped) -> None:
    """A clean record is still confidential. Twin: its owner and group are those that deliver it."""
    assert dropped.found is not None
    (rights,) = {line.rsplit(" ", 1)[0] for line in dropped.found.lines("rights")}
    assert rights == f"{SCANNER} transfer-clean 640", f"its rights are {rights}"
    assert dropped.found.status("nobody") != 0, "any user can read it"


@SFTP
@check("sftp", needs=["dropped:{target}"], at=PLACE)
def test_old_hoster_sees_its_drop_and_nothing_else(target: str, tried: Callable[[str], dict[str, Any]]) -> None:
    """Whoever has the old hoster's key must not look around. Twin: its own folder is visible."""
    listing = tried("listing")
    shown = [line for line in listing["text"].splitlines() if not line.startswith("sftp>")]
    assert listing["status"] == 0, f"it sees nothing at all: {listing['text']}"
    assert [line.strip("/") for line in shown] == ["incoming"], f"it sees {', '.join(shown)}"
    assert tried("above")["status"] != 0, "it got /etc/passwd"


@SFTP
@check("sftp", needs=["dropped:{target}"], at=PLACE)
def test_old_hoster_gets_no_shell(target: str, tried: Callable[[str], dict[str, Any]]) -> None:
    """A shell would be a foothold in the landscape. Twin: the same key can drop files, which this needs."""
    shell = tried("shell")
    assert "uid=" not in shell["text"], "the command was run"
    assert shell["status"] != 0, f"no refusal: {shell['text']}"


@SFTP
@check("sftp", needs=["dropped:{target}"], at=PLACE)
def test_old_hoster_cannot_forward_connections(target: str, tried: Callable[[str], dict[str, Any]]) -> None:
    """A forwarded connection bypasses the security groups. Twin: the same key can drop files, which this needs."""
    forwarding = tried("forwarding")
    assert "SSH-2.0" not in forwarding["text"], "the connection was forwarded"
    assert "prohibited" in forwarding["text"], f"no refusal by sshd: {forwarding['text']}"


@SFTP
@check("sftp", needs=["dropped:{target}"], at=PLACE)
def test_old_hoster_cannot_make_links(target: str, tried: Callable[[str], dict[str, Any]]) -> None:
    """A link in the drop could lead whoever handles its files to another file."""
    assert tried("link")["status"] != 0, "it made a link to /etc/passwd"


@SFTP
@check("sftp", needs=["dropped:{target}"], at=PLACE)
def test_another_key_is_refused(target: str, tried: Callable[[str], dict[str, Any]]) -> None:
    """Others in the old hoster's network must not drop files. Twin: the stack's key may, which this needs."""
    refusal = tried("other_key")
    assert "Permission denied" in refusal["text"], f"another key is not refused: {refusal['text']}"
