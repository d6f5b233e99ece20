"""The management host: the only way in, the package mirror, the time server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.parties import ANY_HOST
from verify.inspection.expectations import current, flows, specs
from verify.inspection.probes import clock
from verify.inspection.run_probe import run_probe
from verify.inspection.units import ask_about, is_enabled
from verify.report.check_marker import check

testinfra_hosts = specs("management")
ask_about("ssh")

LARGEST_OFFSET = 0.1
"""Seconds."""
UNSYNCHRONISED = 3
"""NTP's leap indicator for a server that does not know the time."""


def served_ports(protocol: str) -> set[int]:
    """Ports of the management host that the flow table opens to all hosts."""
    return {port for flow in flows(ANY_HOST, "management") if flow.protocol == protocol for port in flow.ports}


@check("mirror", proves="mirror:{host}", unit="nginx")
def test_mirror_is_listening(host: Any) -> None:
    """Without it no host can be converged, repaired or patched."""
    listening = {line.split()[3].rpartition(":")[2] for line in host.check_output("ss -Hltn").splitlines()}
    missing = served_ports("tcp") - {int(port) for port in listening}
    assert not missing, f"nothing listens on port {', '.join(map(str, missing))}, where the hosts get their packages"


@check("time", proves="time-server:{host}", needs=["chrony:{host}"])
def test_time_server_is_listening(host: Any) -> None:
    """All hosts follow this clock; without it they drift apart."""
    listening = {line.split()[3].rpartition(":")[2] for line in host.check_output("ss -Hlun").splitlines()}
    missing = served_ports("udp") - {int(port) for port in listening}
    assert not missing, f"nothing listens on port {', '.join(map(str, missing))}/udp, where the hosts ask for the time"


@check("time", proves="time:{host}", needs=["time-server:{host}", "chrony:{host}"])
def test_time_server_serves_its_own_time(host: Any, evidence: Callable[[str, object], None]) -> None:
    """All hosts would follow a wrong time together, and agree with each other."""
    address = str(current().inventory.hosts[host.backend.hostname].address)
    for port in served_ports("udp"):
        answer = run_probe(host, clock, {"address": address, "port": port, "seconds": 5})
        evidence(f"port {port}", answer)
        assert "error" not in answer, f"port {port}/udp serves no time: {answer['error']}"
        assert answer["leap"] != UNSYNCHRONISED, f"port {port}/udp reports that it does not know the time"
        assert abs(answer["offset"]) < LARGEST_OFFSET, (
            f"port {port}/udp serves a time that is {answer['offset']:+.3f} s off this host's own clock"
        )


@check("time", needs=["time-server:{host}"])
def test_time_server_answers_the_landscape(host: Any) -> None:
    """By default chrony answers no one: a server that keeps the time to itself is of no use."""
    with host.sudo():
        clients = host.run("chronyc -n -c accheck %s", str(next(iter(current().inventory.subnets.values()))[10]))
    assert "allowed" in clients.stdout, f"chrony would not answer: {clients.stdout.strip() or clients.stderr.strip()}"


@check("jump host")
def test_jump_host_is_the_way_in(host: Any) -> None:
    """If another host is behind the public address, no one can reach any host in an emergency."""
    assert current().inventory.way_in.jump_host == host.backend.hostname
    assert is_enabled(host, "ssh"), "sshd would not start at the next boot"
