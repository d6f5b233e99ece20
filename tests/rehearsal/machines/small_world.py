"""A small landscape below a supervisor of its own: one subnet, few hosts, made by the calls the provider makes."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.base import nspawn
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.settings import Settings
from rehearsal.control.client import Supervisor
from tests.processes import command_lines
from toolchain.pulumi_home import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-small/providers"
NETWORK = f"{GROUP}/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/vnet-small"
SUBNET = f"{VNET}/subnets/snet-database"
VM = "compute:VirtualMachine"
DISK = "compute:Disk"

CUSTOM_DATA = """\
#cloud-config
# Umlauts arrive as they are: Häuser
write_files:
- path: /etc/marker
  content: first boot
"""


def machine_id(name: str) -> str:
    return f"{GROUP}/Microsoft.Compute/virtualMachines/vm-{name}"


def disk_id(name: str) -> str:
    return f"{GROUP}/Microsoft.Compute/disks/disk-{name}"


@dataclass
class SmallWorld:
    """A rehearsal in a state folder of its own."""

    settings: Settings
    log: list[str] = field(default_factory=list)

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.settings)

    def put(self, token: str, identifier: str, properties: dict[str, Any]) -> dict[str, Any]:
        return self.supervisor.put(token, identifier, {"location": "germanywestcentral", **properties}, self.log.append)

    def make_network(self) -> None:
        self.put("network:VirtualNetwork", VNET, {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}})
        self.put("network:Subnet", SUBNET, {"addressPrefix": "10.77.1.0/24", "defaultOutboundAccess": False})

    def make_host(
        self,
        name: str,
        last_octet: int,
        *,
        disks: dict[int, str] | None = None,
        size: str = "Standard_D2as_v5",
        custom_data: str = CUSTOM_DATA,
    ) -> dict[str, Any]:
        """Make the host's interface and boot it; ``disks`` are names of disks that exist, by lun."""
        interface = f"{NETWORK}/networkInterfaces/nic-{name}"
        configuration = {
            "name": "primary",
            "primary": True,
            "privateIPAddress": f"10.77.1.{last_octet}",
            "privateIPAllocationMethod": "Static",
            "subnet": {"id": SUBNET},
        }
        self.put("network:NetworkInterface", interface, {"ipConfigurations": [configuration]})
        key = (self.settings.keys / "operator.pub").read_text().strip()
        return self.put(
            VM,
            machine_id(name),
            {
                "tags": {"role": "database"},
                "hardwareProfile": {"vmSize": size},
                "networkProfile": {"networkInterfaces": [{"id": interface, "primary": True}]},
                "osProfile": {
                    "computerName": name,
                    "adminUsername": "ops",
                    "customData": base64.b64encode(custom_data.encode()).decode(),
                    "linuxConfiguration": {
                        "disablePasswordAuthentication": True,
                        "ssh": {"publicKeys": [{"path": "/home/ops/.ssh/authorized_keys", "keyData": key}]},
                    },
                },
                "storageProfile": {
                    "dataDisks": [
                        {"lun": lun, "createOption": "Attach", "managedDisk": {"id": disk_id(disk)}}
                        for lun, disk in (disks or {}).items()
                    ]
                },
            },
        )

    def make_disk(self, name: str, gibibytes: int) -> None:
        self.put(DISK, disk_id(name), {"diskSizeGB": gibibytes, "creationData": {"createOption": "Empty"}})

    def exists(self, token: str, identifier: str) -> bool:
        return self.supervisor.get(token, identifier) is not None

    def host(self, name: str) -> dict[str, Any]:
        """What `rehearsal.status` tells of it."""
        reported = self.supervisor.call("status")
        return next(host for host in reported["hosts"] if host["name"] == name)

    def wait_for(self, name: str, state: str, seconds: float = 60) -> None:
        wait_until(lambda: self.host(name)["state"] == state, f"{name} to be {state}", seconds)

    def run(self, name: str, command: str) -> str:
        """Run a shell command inside a host as root."""
        argv = self._inside(name, ["/bin/sh", "-c", command])
        result = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        assert result.returncode == 0, f"{command!r} on {name} ended with {result.returncode}: {result.stderr}"
        return result.stdout.strip()

    @contextmanager
    def running(self, name: str, argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
        """A command that runs inside a host during the block."""
        with subprocess.Popen(self._inside(name, argv)) as process:
            try:
                program = f"^{' '.join(argv)}$"
                wait_until(lambda: self.run(name, f"pgrep -fc '{program}' || true") == "1", f"{argv} to run", 300)
                yield process
            finally:
                process.kill()

    def _inside(self, name: str, argv: list[str]) -> list[str]:
        leader = self.supervisor.call("place", {"name": name})["leader"]
        outer = ["nsenter", f"--target={self.supervisor.process_id()}", "-m", "-p", "--"]
        return [*outer, *nspawn.enter(leader, argv)]

    def processes(self) -> dict[str, int]:
        """The three processes that hold everything, by name, as this process sees them."""
        unshare = int(json.loads((self.settings.runtime / "supervisor.json").read_bytes())["pid"])
        tini = int(Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()[0])
        return {"unshare": unshare, "tini": tini, "supervisor": self.supervisor.process_id()}


@dataclass(frozen=True)
class Traces:
    """What a rehearsal could leave on the machine."""

    mounts: frozenset[str]
    namespaces: frozenset[str]
    loop_devices: frozenset[str]
    processes: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Traces:
        """Those of the machine that could be of this rehearsal: others may live next to it."""
        return cls(
            mounts=frozenset(line for line in _lines("/proc/self/mounts") if str(settings.state) in line),
            namespaces=frozenset(str(path) for path in Path("/run/netns").glob("*")),
            loop_devices=frozenset(
                line for line in _output("losetup", "--all").splitlines() if str(settings.state) in line
            ),
            processes=frozenset(line for line in command_lines().values() if str(settings.state) in line),
        )


def cgroup_processes(group: Path) -> list[str]:
    # Groups are removed while one looks: the supervisor does so with those of services that have ended.
    return [str(process) for process in Cgroup(group).processes()]


def wait_until(holds: Callable[[], bool], what: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.05)


def _lines(file: str) -> list[str]:
    return Path(file).read_text().splitlines()


def _output(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
