"""Whether this machine's kernel can boot the rehearsal's hosts: each feature is tried for real, and undone.

A container without permission to mount, a kernel without overlay file systems, a missing module: all of these look fine
until the tenth minute. Each probe is a few lines of shell in their own namespaces, which end with it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolchain.system import find

MODULES = ("overlay", "loop", "br_netfilter", "nf_tables", "xfs")
"""Loaded beforehand where they are modules: a container cannot load them itself."""

SECONDS = 120


@dataclass(frozen=True)
class Probe:
    """One feature: a script that succeeds where it works, in a scratch folder and fresh namespaces."""

    feature: str
    script: str
    remedy: str
    tools: tuple[str, ...] = ()


_CONTAINER = "A container must be a privileged one; a virtual or physical machine is better."

PROBES = (
    Probe("namespaces", "true", _CONTAINER),
    Probe(
        "control groups (version 2)",
        """
        mkdir groups
        mount -t cgroup2 cgroup2 groups
        group=$(mktemp -d groups/livegang-probe.XXXXXX)  # one hierarchy for all probes, each of which is process 1
        trap 'rmdir "$group"' EXIT
        test -e "$group/cgroup.kill"
        """,
        "Linux 5.14 or newer, with the unified hierarchy writable, is needed.",
    ),
    Probe(
        "overlay file systems",
        """
        mkdir lower upper work merged
        echo below > lower/file
        mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
        echo above > merged/file
        test "$(cat lower/file)" = below
        """,
        "Put the state folder (LIVEGANG_STATE) onto ext4 or xfs: an overlay cannot lie on another overlay.",
    ),
    Probe(
        "loop devices",
        """
        truncate -s 1M disk
        device=$(losetup --find --show disk)
        trap 'losetup --detach "$device"' EXIT
        test "$(blockdev --getsize64 "$device")" = 1048576
        """,
        f"modprobe loop must work. {_CONTAINER}",
    ),
    Probe("the xfs file system", "grep -qw xfs /proc/filesystems", "modprobe xfs must work."),
    Probe(
        "bridges and virtual network links",
        """
        ip link add probe0 type bridge
        ip link add probe1 type veth peer name probe2
        ip link set probe1 master probe0
        ip link set probe0 up
        """,
        f"modprobe -a bridge veth must work. {_CONTAINER}",
        ("ip",),
    ),
    Probe(
        "filtering between the ports of a bridge",
        "test -e /proc/sys/net/bridge/bridge-nf-call-iptables",
        "modprobe br_netfilter must work.",
    ),
    Probe(
        "nftables rules",
        """
        nft -f - <<'END'
        table inet probe {
            chain forward {
                type filter hook forward priority 0; policy drop;
                ct state established,related counter accept comment "probe"
            }
            chain translate {
                type nat hook prerouting priority -100
                tcp dport 22 dnat ip to 192.0.2.1
            }
            chain leave {
                type nat hook postrouting priority 100
                masquerade
            }
        }
        END
        """,
        "modprobe nf_tables must work, with its modules for connection tracking and translation.",
        ("nft",),
    ),
)


@dataclass(frozen=True)
class Failing:
    """One precondition that fails: a sentence, and what to do."""

    sentence: str
    remedy: str


def load_modules() -> None:
    """Load the kernel modules as far as possible; the probes show whether that worked."""
    modprobe = find("modprobe")
    if modprobe is not None:
        subprocess.run([modprobe, "--all", "--quiet", *MODULES], check=False, capture_output=True)


def failing(state: Path) -> list[Failing]:
    """The features that do not work here, tried below ``state``, where the hosts would be. Needs root.

    A probe whose tool is not installed yet is left out; it is tried once the packages are installed.
    """
    load_modules()
    state.mkdir(parents=True, exist_ok=True)
    found = []
    for probe in PROBES:
        if all(find(tool) for tool in probe.tools) and (reason := _try(probe, state)):
            found.append(Failing(f"This kernel does not support {probe.feature}: {reason}.", probe.remedy))
    return found


def _try(probe: Probe, state: Path) -> str | None:
    """Why it does not work; None if it does."""
    unshare = find("unshare")
    if unshare is None:
        return "the command unshare is missing (package util-linux)"
    kinds = ["--pid", "--mount", "--cgroup", "--ipc", "--uts", "--net"]
    isolation = [unshare, *kinds, "--fork", "--kill-child=KILL", "--mount-proc", "--propagation", "private"]
    environment = os.environ | {"LC_ALL": "C", "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
    with tempfile.TemporaryDirectory(prefix="probe-", dir=state) as folder:
        try:
            tried = subprocess.run(
                [*isolation, "sh", "-euc", _dedent(probe.script)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {SECONDS} s"
    if tried.returncode == 0:
        return None
    lines = tried.stderr.strip().splitlines()
    return lines[0].rstrip(".") if lines else f"the probe ended with {tried.returncode}"


def _dedent(script: str) -> str:
    """Without indentation, so that here-documents are terminated."""
    return "\n".join(line.strip() for line in script.splitlines())
