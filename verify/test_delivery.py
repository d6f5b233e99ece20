"""The way from the drop to the file host: clean files arrive, proven by their checksums, and nothing else does.

A folder with a clean file and malware is dropped as the old hoster does, followed to the file host's share, and
removed again everywhere; its lines in the services' logs remain.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from landscape.names import DELIVERY, DOCUMENTS, INCOMING_SHARE, SCANNER, TRANSFER_FOLDER, files_log, status_file
from verify.inspection import leftovers, uploads
from verify.inspection.expectations import each, endpoints, hosts, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch, connect
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.inspection.uploads import PLACE, send
from verify.report.check_marker import Need, check

testinfra_hosts = specs("transfer") if hosts("file") else []

ask_about(DELIVERY)
LOG = files_log(DELIVERY)
CREDENTIALS = f"/etc/livegang/{INCOMING_SHARE}.smb.credentials"
SHARED = f"{DOCUMENTS}/{INCOMING_SHARE}"
LARGEST_AGE = 90
CLIENT = "smbclient -t 15 --option=clientminprotocol=SMB3_11 -m SMB3_11 --client-protection=encrypt"
SANDBOX = {
    "User": DELIVERY,
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "ReadWritePaths": "",
}
OLD = f"-mmin +{leftovers.FORGOTTEN_MINUTES}"
FORGOTTEN = f"find {SHARED} -mindepth 1 -maxdepth 1 -name 'livegang-proof-*' {OLD} -exec rm -rf {{}} +"
"""Removes what killed runs left behind."""
CLEAN, MALWARE = "Übersicht.txt", "nested.zip"
"""Two of the files that the drop's probe can send: a clean one, and EICAR in a zip in a zip."""

Note = Callable[[str, object], None]


def round_trip(place: str) -> str:
    """Shell: store a file of random content on the share, read it back, compare, and remove it."""
    return (
        f"t=$(mktemp -d); n=readiness-$(hostname)-$$; head -c 20000 /dev/urandom >$t/out; "
        f'{CLIENT} {place} -A {CREDENTIALS} -c "put $t/out $n; get $n $t/in; del $n; ls $n"; '
        f"cmp $t/out $t/in && echo came back the same; s=$?; rm -r $t; exit $s"
    )


def look(host: Any) -> Outputs:
    server = hosts("file")[0].fqdn
    others = [endpoint.name for endpoint in endpoints()]
    return batch(
        host,
        {
            "sandbox": f"systemctl show -p {','.join(SANDBOX)} {DELIVERY}",
            "status": f"cat {status_file(DELIVERY)}; echo; date +%s",
            "credentials": f"stat -c '%U %G %a' {CREDENTIALS}",
            "service reads": f"cd / && sudo -u {DELIVERY} ls {TRANSFER_FOLDER}/clean",
            "service sees": f"cd / && for d in work infected unclear manifests drop/incoming; do "
            f"sudo -u {DELIVERY} ls {TRANSFER_FOLDER}/$d >/dev/null 2>&1 && echo $d; done; true",
            "service writes": f"cd / && f={TRANSFER_FOLDER}/clean/livegang-readiness && "
            f"sudo -u {DELIVERY} touch $f && rm $f",
            "own share": round_trip(f"//{server}/{INCOMING_SHARE}"),
            "other shares": "; ".join(f"{CLIENT} //{server}/{area} -A {CREDENTIALS} -c ls" for area in others),
            "wrong password": f"t=$(mktemp); sed 's/^password.*/password = wrong/' {CREDENTIALS} >$t; "
            f"{CLIENT} //{server}/{INCOMING_SHARE} -A $t -c ls; s=$?; rm $t; exit $s",
        },
    )


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    """How the service is set up, and what its account may do."""
    return STATE.of(host.backend.hostname)


@dataclass
class Proof:
    """A folder's way from the drop to the file host."""

    sent: dict[str, Any]
    verdicts: dict[str, dict[str, Any]]
    """The scanner's lines by file name."""
    delivered: list[dict[str, Any]]
    """The delivery service's lines."""
    there: Outputs
    """What arrived on the file host."""


def deliver(host: Any) -> Proof:
    """Drop the files, follow them to the file host, look at them there, and remove them."""
    folder = f"livegang-proof-{uuid.uuid4()}"
    server = connect(hosts("file")[0].name)
    place = f"{SHARED}/{folder}"
    try:
        sent = send(host, folder, (CLEAN, MALWARE))
        verdicts = uploads.lines_about(host, folder, files_log(SCANNER), len(sent["sums"]) + 1)
        delivered = uploads.lines_about(host, folder, LOG, 1)
        there = batch(
            server,
            {
                "sums": f"cd {place} && find . -type f -exec sha256sum {{}} +",
                "rights": f"cd {place} && find . -type f -printf '%u %g %m\\n'",
                "nobody": f"cd / && sudo -u nobody cat {place}/*",
            },
        )
    finally:
        batch(server, {"remove": f"rm -rf {place}", "forgotten": FORGOTTEN})
        leftovers.remove(host, TRANSFER_FOLDER, folder)
    return Proof(sent, {str(line["path"]).rpartition("/")[2]: line for line in verdicts}, delivered, there)


PROOF = Gathering(__name__, deliver)


@pytest.fixture
def proof(host: Any, evidence: Note) -> Proof:
    """The way of the files that this run dropped."""
    found = PROOF.of(host.backend.hostname)
    evidence("the drop", found.sent["upload"])
    evidence("the scanner's log", list(found.verdicts.values()))
    evidence("the delivery's log", found.delivered)
    return found


FILE: list[Need] = [
    *each("file", "host:{member}"),
    *each("file", "smb:{member}"),
    *open_flows("transfer", "file", "{host}"),
]
NEEDS: list[Need] = ["delivery:{host}", "scanner:{host}", "clamd:{host}", *(["drop"] if PLACE else []), *FILE]


@check("delivery", proves="delivery:{host}")
def test_delivery_is_running(host: Any) -> None:
    """Without it nothing that the old hoster sends gets to where it is needed."""
    assert is_running(host, DELIVERY), explain(host, DELIVERY)


@check("delivery")
def test_delivery_is_enabled(host: Any) -> None:
    """After a reboot clean files would only pile up."""
    assert is_enabled(host, DELIVERY), f"{DELIVERY} would not start at the next boot"


@check("delivery", needs=["delivery:{host}", *FILE])
def test_delivery_delivers(state: Outputs) -> None:
    """A service that hangs, or cannot reach the share, looks alive from outside."""
    document, now = state["status"].strip().rsplit("\n", 1)
    status = json.loads(document)
    age = int(now) - int(status["at"])
    assert age < LARGEST_AGE, f"its last status report is {age} s old"
    assert status["blocked"] is None, f"it delivers nothing: {status['blocked']}"


@check("delivery", needs=["delivery:{host}", *FILE])
def test_no_file_waits_for_a_person(state: Outputs) -> None:
    """A clean file that the share refuses is a client's record that everyone believes to have arrived."""
    status = json.loads(state["status"].strip().rsplit("\n", 1)[0])
    assert status["refused"] == 0, f"{status['refused']} clean files are refused by the share: see {LOG}"


@check("delivery")
def test_delivery_is_sandboxed(state: Outputs) -> None:
    """It handles files from outside and has a password: whoever breaks into it must find nothing else."""
    values = dict(line.split("=", 1) for line in state.lines("sandbox"))
    wrong = [f"{name}={values.get(name)}" for name, value in SANDBOX.items() if values.get(name) != value]
    assert not wrong, f"not as wanted: {', '.join(wrong)}"


@check("delivery")
def test_delivery_reads_what_is_clean_and_nothing_else(state: Outputs) -> None:
    """It must be able neither to deliver unscanned files nor to change scanned ones. Twin: it reads clean files."""
    assert state.status("service reads") == 0, f"it cannot read clean: {state['service reads']}"
    assert not state.lines("service sees"), f"it reads {', '.join(state.lines('service sees'))}"
    assert state.status("service writes") != 0, "it may write into clean"


@check("delivery")
def test_credentials_are_guarded(state: Outputs) -> None:
    """Whoever reads the password can put unscanned files on the share."""
    assert state["credentials"] == f"root {DELIVERY} 640", f"{CREDENTIALS}: {state['credentials']}"


@check("share", proves="incoming:{host}", needs=FILE)
def test_its_account_stores_and_reads_in_its_share(state: Outputs) -> None:
    """Without this access nothing can be delivered."""
    said = state["own share"]
    assert state.status("own share") == 0, said
    assert "came back the same" in said, said
    assert "NT_STATUS_NO_SUCH_FILE" in said, f"the file could not be removed: {said}"


@check("share", needs=[*FILE, "incoming:{host}"])
def test_its_account_is_refused_everywhere_else(state: Outputs) -> None:
    """The host that receives files from outside must not reach clients' documents. Twin: its own share it may use."""
    refusals = state["other shares"].count("tree connect failed: NT_STATUS_ACCESS_DENIED")
    expected = len(endpoints())
    assert refusals == expected, f"{refusals} of {expected} other shares refused it:\n{state['other shares']}"


@check("share", needs=[*FILE, "incoming:{host}"])
def test_a_wrong_password_is_refused(state: Outputs) -> None:
    """Else anyone in this network could put files among the scanned ones. Twin: the right one is accepted."""
    assert state.status("wrong password") != 0, f"access was granted:\n{state['wrong password']}"
    assert "NT_STATUS_LOGON_FAILURE" in state["wrong password"], f"no clear refusal:\n{state['wrong password']}"


@check("delivery", proves="delivered:{host}", needs=NEEDS)
def test_a_clean_file_is_delivered_unchanged(proof: Proof) -> None:
    """A file lost or changed on the way is a client's record lost."""
    assert proof.sent["upload"]["status"] == 0, f"nothing can be dropped: {proof.sent['upload']['text'][-200:]}"
    verdict = proof.verdicts.get(CLEAN, {})
    assert verdict.get("verdict") == "clean", (
        f"{CLEAN}: {verdict.get('verdict', 'no verdict')}, {verdict.get('reason')}"
    )
    assert [line["outcome"] for line in proof.delivered] == ["delivered"], f"not delivered: {proof.delivered}"
    sums = [line.split()[0] for line in proof.there.lines("sums")]
    assert sums == [proof.sent["sums"][CLEAN]] == [proof.delivered[0]["sha256"]], (
        "the checksum on the file host differs"
    )


@check("delivery", needs=[*NEEDS, "delivered:{host}"])
def test_malware_next_to_it_is_not_delivered(proof: Proof) -> None:
    """Malware often comes in an archive inside an archive. Twin: the clean file next to it, which arrived."""
    verdict = proof.verdicts.get(MALWARE, {})
    assert verdict.get("verdict") == "infected", f"{MALWARE}: {verdict.get('verdict', 'no verdict')}"
    assert len(proof.there.lines("sums")) == 1, f"on the file host: {proof.there['sums']}"
    assert not any(MALWARE in line["path"] for line in proof.delivered), "the delivery service took it"


@check("delivery", needs=[*NEEDS, "delivered:{host}"])
def test_what_is_delivered_is_for_its_share_only(proof: Proof) -> None:
    """A record that has arrived is still confidential."""
    assert proof.there.lines("rights") == ["smb-incoming documents-incoming 660"], f"{proof.there['rights']}"
    assert proof.there.status("nobody") != 0, "any user of the file host can read it"
