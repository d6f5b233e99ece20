"""The file host: each area's documents for that area only, over encrypted SMB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.inventory.model import Endpoint
from landscape import ports
from landscape.names import DATA_DISK, DOCUMENTS, INCOMING_SHARE
from verify.inspection.expectations import each, endpoints, hosts, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.probes import smb_wire
from verify.inspection.run_probe import run_probe
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import Need, check

testinfra_hosts = specs("file")
ask_about("smbd")

CLIENT = "smbclient -t 15 --option=clientminprotocol=SMB3_11 -m SMB3_11 --client-protection=encrypt"
REFUSED = ("NT_STATUS_ACCESS_DENIED", "NT_STATUS_LOGON_FAILURE")
"""How a server refuses a client. Anything else, above all a timeout, proves nothing."""

STATE = Gathering(
    __name__,
    lambda host: batch(
        host,
        {
            "configuration": "testparm --suppress-prompt --verbose 2>/dev/null",
            "accounts": "pdbedit --list | cut -d: -f1",
            "ports": "ss -Hltnp",
            "folders": f"stat -c '%n %U %G %a' {DOCUMENTS}/*",
            "members": "getent passwd | awk -F: '{print $1, $4}'; echo; getent group | awk -F: '{print $1, $3, $4}'",
            "loose": f"find {DOCUMENTS} -mindepth 1 -perm /007 ! -type l | head -n 5",
            "disk": f"findmnt -n -o MAJ:MIN,TARGET,FSTYPE -T {DOCUMENTS}; stat -L -c '0x%t 0x%T' {DATA_DISK}",
        },
    ),
)


@pytest.fixture
def state(host: Any) -> Outputs:
    """Samba's effective configuration on this host, and what is on its disk."""
    return STATE.of(host.backend.hostname)


def shares() -> list[str]:
    return [*(endpoint.name for endpoint in endpoints()), INCOMING_SHARE]


def credentials(area: str) -> str:
    """The file with name and password of an area's account, on application hosts."""
    return f"/etc/vivendi/{area}.smb.credentials"


def round_trip(server: str, area: str) -> str:
    """Shell: store a document of random content on the share, read it back, compare, and remove it."""
    return (
        f"t=$(mktemp -d); n=readiness-$(hostname)-$$; head -c 20000 /dev/urandom >$t/out; "
        f"{CLIENT} //{server}/{area} -A {credentials(area)} "
        f'-c "put $t/out $n; get $n $t/in; del $n; ls $n"; '
        f"cmp $t/out $t/in && echo came back the same; s=$?; rm -r $t; exit $s"
    )


def attempts(host: Any) -> dict[str, Outputs]:
    """From an application host, by file host: each area's round trip, and what must be refused."""
    areas = [endpoint.name for endpoint in endpoints()]
    first = areas[0]
    found = {}
    for server in hosts("file"):
        place = f"//{server.fqdn}/{first}"
        commands = {f"own-{area}": round_trip(server.fqdn, area) for area in areas}
        for area in areas:
            # In one session, which its own share has accepted: a client for each would take seconds on every host.
            others = "; ".join(f"tcon {other}" for other in [*areas, INCOMING_SHARE] if other != area)
            commands[f"other-{area}"] = f'{CLIENT} //{server.fqdn}/{area} -A {credentials(area)} -c "{others}"'
        known = f"-A {credentials(first)} -c ls"
        commands |= {
            "anonymous": f"{CLIENT} {place} -N -U% -c ls",
            "listing": f"{CLIENT} -L //{server.fqdn} -N -U%",
            "wrong": f"t=$(mktemp); sed 's/^password.*/password = wrong/' {credentials(first)} >$t; "
            f"{CLIENT} {place} -A $t -c ls; s=$?; rm $t; exit $s",
            "older": f"smbclient -t 15 --option=clientminprotocol=SMB2_02 -m SMB3_02 {place} {known}",
        }
        found[server.name] = batch(host, commands)
    return found


TRIED = Gathering(__name__, attempts, places=lambda: [host.name for host in hosts("application")])

FROM_APPLICATION: list[Need] = [
    "smb:{host}",
    *each("application", "host:{member}"),
    *(need for member in hosts("application") for need in open_flows("application", "file", member.name)),
]


def outcomes(server: str, case: str) -> dict[str, tuple[int, str]]:
    """Exit status and output of one case at a file host, by the application host from which it was tried."""
    assert hosts("application"), "no application host to try it from"
    found = {source.name: TRIED.of(source.name)[server] for source in hosts("application")}
    return {name: (outputs.status(case), outputs[case]) for name, outputs in found.items()}


@check("smb", proves="smb:{host}", unit="smbd")
def test_smb_is_running(host: Any) -> None:
    """Without it no area can get at its clients' documents."""
    assert is_running(host, "smbd"), explain(host, "smbd")


@check("smb")
def test_smb_starts_at_boot(host: Any) -> None:
    """After a reboot at night the documents would be unavailable until the morning."""
    assert is_enabled(host, "smbd"), "smbd would not start at the next boot"


WANTED = {
    # testparm's name for the newest version, 3.1.1.
    "server min protocol": "SMB3",
    "server smb encrypt": "required",
    "server signing": "required",
    "map to guest": "Never",
    "restrict anonymous": "2",
    "disable netbios": "Yes",
    "ntlm auth": "ntlmv2-only",
    "follow symlinks": "No",
}


@check("smb", proves="smb-configuration:{host}")
def test_configuration_allows_encrypted_smb_only(state: Outputs) -> None:
    """Clients' documents would cross the network in plain text."""
    sections = of_configuration(state["configuration"])
    values = sections.get("global", {})
    wrong = [
        f"{key} is {values.get(key, 'not set')}, not {value}"
        for key, value in WANTED.items()
        if values.get(key, "").lower() != value.lower()
    ]
    assert not wrong, "; ".join(wrong)


@check("smb")
def test_shares_are_the_areas(state: Outputs) -> None:
    """An undeclared share gives access to documents that no one watches."""
    sections = of_configuration(state["configuration"])
    found = set(sections) - {"global"}
    assert found == set(shares()), f"the shares are {', '.join(sorted(found))}, not {', '.join(shares())}"
    for share in shares():
        values = sections[share]
        assert values.get("valid users") == f"@documents-{share}", f"{share}: valid users {values.get('valid users')}"
        assert values.get("guest ok", "No") == "No", f"{share} is open to guests"


def of_configuration(text: str) -> dict[str, dict[str, str]]:
    """testparm's output by section and parameter."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("[") and words.endswith("]"):
            current = sections.setdefault(words[1:-1], {})
        elif " = " in words or words.endswith(" ="):
            key, _, value = words.partition(" =")
            current[key.strip()] = value.strip()
    return sections


@check("smb")
def test_accounts_are_those_of_the_shares(state: Outputs) -> None:
    """An account that was added by hand gives access that no secret store knows of."""
    found = {line.strip() for line in state.lines("accounts")}
    wanted = {f"smb-{share}" for share in shares()}
    assert not wanted - found, f"missing accounts: {', '.join(sorted(wanted - found))}"
    assert not found - wanted, f"undeclared accounts: {', '.join(sorted(found - wanted))}"


@check("smb", needs=["smb:{host}"])
def test_smb_listens_on_its_own_port_only(state: Outputs) -> None:
    """Port 139 is for clients that know no encryption."""
    found = {line.split()[3].rpartition(":")[2] for line in state.lines("ports") if '"smbd"' in line}
    assert found == {str(ports.SMB)}, (
        f"smbd listens on {', '.join(sorted(found)) or 'no port'}, not on {ports.SMB} alone"
    )


@check("storage")
def test_documents_are_on_the_data_disk(state: Outputs) -> None:
    """On the system disk they would be lost with the machine, and could not grow."""
    lines = state.lines("disk")
    assert len(lines) == 2, f"the data disk at lun 0 is not there: {state['disk']}"
    mounted, target, kind = lines[0].split()[:3]
    disk = ":".join(str(int(part, 16)) for part in lines[1].split())
    assert mounted == disk, f"the documents are on {target} (device {mounted}), not on the data disk ({disk})"
    assert kind == "xfs", f"the data disk holds {kind}, not xfs"


@check("storage")
def test_folders_are_open_to_their_groups_only(state: Outputs) -> None:
    """Whoever gets onto the host as an ordinary user must not find any document."""
    found = {words[0].rpartition("/")[2]: words[1:] for line in state.lines("folders") if (words := line.split())}
    for share in shares():
        wanted = ["root", f"documents-{share}", "2770"]
        assert found.get(share) == wanted, (
            f"{share} is {' '.join(found.get(share, ['missing']))}, not {' '.join(wanted)}"
        )
    assert not state.lines("loose"), f"open to every user: {', '.join(state.lines('loose'))}"


@check("storage")
def test_groups_hold_their_own_account_only(state: Outputs) -> None:
    """One member too many can read all documents of an area."""
    users, _, groups = state["members"].partition("\n\n")
    names: dict[str, set[str]] = {}
    for row in groups.splitlines():
        name, number, members = [*row.split(), ""][:3]
        primary = {line.split()[0] for line in users.splitlines() if line.split()[1] == number}
        names[name] = primary | set(filter(None, members.split(",")))
    for share in shares():
        found = names.get(f"documents-{share}", set())
        assert found == {f"smb-{share}"}, f"documents-{share} has the members: {', '.join(sorted(found)) or 'none'}"


@pytest.mark.parametrize("area", endpoints())
@check("documents of {area}", proves="documents:{area}", needs=FROM_APPLICATION)
def test_document_is_stored_and_read(host: Any, area: Endpoint) -> None:
    """The area's staff could neither file a document nor open one."""
    for name, (status, words) in outcomes(host.backend.hostname, f"own-{area.name}").items():
        assert status == 0, f"from {name}: {words}"
        assert "came back the same" in words, f"from {name}: {words}"
        assert "NT_STATUS_NO_SUCH_FILE" in words, f"from {name}: the document could not be removed: {words}"


@pytest.mark.parametrize("area", endpoints())
@check("documents of {area}", needs=[*FROM_APPLICATION, "documents:{area}"])
def test_other_shares_are_refused(host: Any, area: Endpoint) -> None:
    """An account that opens another area's documents breaks clients' confidentiality. Twin: its own share it opens."""
    others = len(shares()) - 1
    for name, (_, words) in outcomes(host.backend.hostname, f"other-{area.name}").items():
        refusals = words.count("tcon failed: NT_STATUS_ACCESS_DENIED")
        assert refusals == others, f"from {name}: {refusals} of {others} other shares refused this account:\n{words}"


TWIN = f"documents:{endpoints()[0].name}"
NEGATIVE: list[Need] = [*FROM_APPLICATION, TWIN, "smb-configuration:{host}"]


def assert_refused(said_by_place: dict[str, tuple[int, str]], also: tuple[str, ...] = ()) -> None:
    for name, (status, words) in said_by_place.items():
        assert status != 0, f"from {name}: access was granted:\n{words}"
        assert any(sign in words for sign in (*REFUSED, *also)), f"from {name}: no clear refusal:\n{words}"


@check("smb", needs=NEGATIVE)
def test_anonymous_is_refused(host: Any) -> None:
    """Whoever gets onto the network must not read documents without an account."""
    assert_refused(outcomes(host.backend.hostname, "anonymous"))


@check("smb", needs=NEGATIVE)
def test_anonymous_sees_no_list_of_shares(host: Any) -> None:
    """The names of shares and accounts are where an attacker begins."""
    for name, (_, words) in outcomes(host.backend.hostname, "listing").items():
        assert any(sign in words for sign in REFUSED), f"from {name}: no clear refusal:\n{words}"
        assert not any(f" {share} " in words for share in shares()), f"from {name}: the shares are listed:\n{words}"


@check("smb", needs=NEGATIVE)
def test_wrong_password_is_refused(host: Any) -> None:
    """A server that accepts any password is open. Twin: with the right one the same account is accepted."""
    assert_refused(outcomes(host.backend.hostname, "wrong"))


def watch(host: Any) -> dict[str, Any]:
    """From an application host, by file host: what crosses the wire if the client does not ask for encryption."""
    area = endpoints()[0].name
    request = {"share": area, "credentials": credentials(area)}
    return {
        server.name: run_probe(host, smb_wire, {**request, "server": str(server.address)}, sudo=True)
        for server in hosts("file")
    }


WATCHED = Gathering(__name__, watch, places=lambda: [host.name for host in hosts("application")])


@check("smb", needs=NEGATIVE)
def test_documents_cross_the_wire_encrypted(host: Any, evidence: Callable[[str, object], None]) -> None:
    """A client that does not ask for encryption would send documents in plain text: the server must insist."""
    for source in hosts("application"):
        seen = WATCHED.of(source.name)[host.backend.hostname]
        evidence(f"from {source.name}", seen)
        # The twin: a document did cross this wire, and the relay understood what it saw.
        assert seen["came_back"], f"from {source.name}: no document crossed the wire: {seen['words']}"
        assert {"negotiate", "session setup"} <= seen["clear"].keys(), f"from {source.name}: not understood: {seen}"
        more = seen["clear"].keys() - {"negotiate", "session setup"}
        assert not more, f"from {source.name}: in plain text: {', '.join(sorted(more))}"
        assert seen["encrypted"], f"from {source.name}: no frame is encrypted"
        assert not seen["seen"], f"from {source.name}: the document's content was read on the wire"


@check("smb", needs=NEGATIVE)
def test_older_protocol_is_refused(host: Any) -> None:
    """SMB 2 and 3.0 can be downgraded to weaker protection. Twin: the same client with 3.1.1 is accepted."""
    signs = ("NT_STATUS_NOT_SUPPORTED", "NT_STATUS_CONNECTION_RESET", "NT_STATUS_CONNECTION_DISCONNECTED")
    more = ("NT_STATUS_INVALID_NETWORK_RESPONSE", "NT_STATUS_INVALID_PARAMETER")
    assert_refused(outcomes(host.backend.hostname, "older"), (*signs, *more))


@check("smb", needs=["smb:{host}"])
def test_credentials_are_guarded(host: Any) -> None:
    """A password that every user of an application host can read protects nothing."""
    for source in hosts("application"):
        outputs = GUARDED.of(source.name)
        for line in outputs.lines("rights"):
            owner, _, mode = line.split()[:3]
            assert (owner, mode) == ("root", "640"), f"{source.name}: {line}"
        assert len(outputs.lines("rights")) == len(endpoints()), f"{source.name}: {outputs['rights']}"


GUARDED = Gathering(
    __name__,
    lambda host: batch(host, {"rights": "stat -c '%U %G %a %n' /etc/vivendi/*.smb.credentials"}),
    places=lambda: [host.name for host in hosts("application")],
)
