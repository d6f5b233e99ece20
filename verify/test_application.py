"""The application hosts: every Vivendi component installed as its manifest says, running and healthy."""

from __future__ import annotations

import hashlib
import json
import shlex
import tarfile
from collections.abc import Callable
from typing import Any

import pytest

from hosts.components.manifest import Manifest, artifact_mistake, artifact_path
from verify.inspection.expectations import current, hosts, manifests, open_flows, specs
from verify.inspection.gathering import Gathering, Outputs, batch
from verify.inspection.units import ask_about, explain, is_enabled, is_running
from verify.report.check_marker import check
from verify.report.plugin import DISPROVED
from verify.report.root_causes import PRIMARY

testinfra_hosts = specs("application")
ask_about(*(component.service.unit for component in manifests()))

HEALTH_SECONDS = 5


def folder(component: Manifest) -> str:
    """The folder into which a component is unpacked."""
    return f"{component.artifact.target}/{component.name}"


def document(service: str, component: Manifest) -> str:
    """Shell: store a document through the component on its share, read it back, compare, and remove it."""
    if component.documents is None:
        return "true"
    place = f"{service}{component.documents.path}/readiness-$(hostname)-$$"
    call = "curl -sS -m 30 -H Expect:"  # without the header: else curl waits a second for "100 Continue"
    return (
        f"t=$(mktemp -d); head -c 20000 /dev/urandom >$t/out; {call} -T $t/out {place}; echo; {call} -o $t/in {place}; "
        f"{call} -X DELETE {place}; echo; cmp $t/out $t/in && echo came back the same; s=$?; rm -r $t; exit $s"
    )


def look(host: Any) -> Outputs:
    address = current().inventory.hosts[host.backend.hostname].address
    commands = {"ports": "ss -Hltn"}
    for component in manifests():
        place = shlex.quote(folder(component))
        commands |= {
            f"health-{component.name}": f"curl -sS -m {HEALTH_SECONDS} -w '\\n%{{http_code}}' "
            f"http://{address}:{component.port}{component.health.path}",
            f"document-{component.name}": document(f"http://{address}:{component.port}", component),
            f"version-{component.name}": f"readlink {place}/current",
            f"files-{component.name}": f"cd {place}/current/ && find . -type f "
            "! -name '*.pyc' ! -name .livegang.json -print0 | sort -z | xargs -0r sha256sum",
            f"rights-{component.name}": f"find {place}/ -perm /022 ! -type l; "
            f"stat -c '%U %G %a' /etc/vivendi/{component.name}.password",
        }
    return batch(host, commands)


STATE = Gathering(__name__, look)


@pytest.fixture
def state(host: Any) -> Outputs:
    """The components' ports, health and files on this host."""
    return STATE.of(host.backend.hostname)


pytestmark = pytest.mark.parametrize("component", manifests())


@check("{component}", proves="service:{component}@{host}", unit="{unit}")
def test_service_is_running(host: Any, component: Manifest) -> None:
    """The area's mobile site loses half of its capacity, or all of it."""
    assert is_running(host, component.service.unit), explain(host, component.service.unit)


@check("{component}")
def test_service_is_enabled(host: Any, component: Manifest) -> None:
    """If a service does not come back after a reboot, its users are the first to notice."""
    assert is_enabled(host, component.service.unit), f"{component.service.unit} would not start at the next boot"


@check("{component}", needs=["service:{component}@{host}"])
def test_port_is_listening(state: Outputs, component: Manifest) -> None:
    """The web hosts send the area's requests to this port."""
    listening = {line.split()[3].rpartition(":")[2] for line in state.lines("ports")}
    assert str(component.port) in listening, f"nothing listens on port {component.port}"


@check(
    "{component}",
    proves="area:{component}@{host}",
    needs=["service:{component}@{host}", PRIMARY, *open_flows("application", "database", "{host}")],
)
def test_component_is_healthy(
    host: Any, state: Outputs, component: Manifest, record_property: Callable[[str, object], None]
) -> None:
    """A service that runs without its database accepts requests and loses them."""
    body, _, status = state[f"health-{component.name}"].rpartition("\n")
    status = status.strip()
    if status not in ("200", "000"):
        # It answers, so the web hosts keep sending it requests, and all of those get this answer.
        record_property(DISPROVED, f"sound:{component.name}@{host.backend.hostname}")
    assert status == "200", f"health answers {status or 'nothing'}: {reason(body)}"


def reason(body: str) -> str:
    """The reason that a health answer gives, else the answer itself."""
    try:
        return str(json.loads(body).get("reason", body))
    except (ValueError, AttributeError):
        return body.strip()[:300]


@check(
    "{component}",
    needs=[
        "service:{component}@{host}",
        "documents:{component}",
        *(f"smb:{server.name}" for server in hosts("file")),
        *open_flows("application", "file", "{host}"),
    ],
    applies=bool(hosts("file")),
)
def test_component_stores_and_reads_a_document(state: Outputs, component: Manifest) -> None:
    """People would file reports and lose them."""
    if component.documents is None:
        pytest.skip("this component's manifest names no path for documents")
    assert state.status(f"document-{component.name}") == 0, state[f"document-{component.name}"]


@check("{component}")
def test_version_is_that_of_the_manifest(state: Outputs, component: Manifest) -> None:
    """Another version may misread the data, or write it so that the right version can no longer read it."""
    installed = state[f"version-{component.name}"].strip().rpartition("/")[2]
    wanted = f"{component.name}-{component.version}"
    assert installed == wanted, f"{installed or 'nothing'} is installed, not {wanted}"


@check("{component}")
def test_files_are_those_of_the_artifact(state: Outputs, component: Manifest) -> None:
    """A file edited by hand is lost with the next release; a file changed by an intruder is worse."""
    path = artifact_path(current().inventory, component.artifact.file)
    if mistake := artifact_mistake(path, component.artifact.sha256):
        pytest.skip(f"the installed files cannot be compared: {mistake}")
    installed = {}
    for line in state.lines(f"files-{component.name}"):
        checksum, _, name = line.partition("  ./")
        installed[name] = checksum
    with tarfile.open(path) as archive:
        wanted = {
            member.name.removeprefix("./"): hashlib.sha256(archive.extractfile(member).read()).hexdigest()  # type: ignore[union-attr]
            for member in archive.getmembers()
            if member.isfile()
        }
    differing = sorted(name for name in wanted.keys() | installed.keys() if wanted.get(name) != installed.get(name))
    assert not differing, f"{len(differing)} files differ from {component.artifact.file}: {', '.join(differing[:5])}"


@check("{component}")
def test_files_are_guarded(state: Outputs, component: Manifest) -> None:
    """If every user of the host can read the password or change the code, one broken account is enough."""
    *loose, password = state.lines(f"rights-{component.name}") or [""]
    assert not loose, f"others may write: {', '.join(loose[:5])}"
    assert password.split()[:1] == ["root"], f"the password file is not owned by root: {password}"
    assert password.endswith(("640", "600", "440", "400")), f"others may read the password file: {password}"
