"""Nine hosts answering SSH with cloud-init done, through the rehearsal's supervisor and as bare nspawn boots."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from console import ExpectedError
from infra.components.customdata import FirstBoot, custom_data
from rehearsal import image
from rehearsal.base.settings import Settings
from rehearsal.control import launch, teardown
from rehearsal.control.client import Supervisor
from rehearsal.keys import ensure
from toolchain.folders import PROJECT, cache
from toolchain.pulumi_home import SUBSCRIPTION, stack_files

HOSTS = ("db01", "db02", "app01", "app02", "web01", "web02", "file01", "xfer01", "mgmt01")
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-benchmark"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
SUBNET = f"{NETWORK}/virtualNetworks/vnet-benchmark/subnets/snet-benchmark"
PREFIX = "10.88.1"


def machines(public_key: str, authority: str) -> dict[str, dict[str, Any]]:
    """Properties of the nine virtual machines by host, with the first boot that the program gives them."""
    found: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(HOSTS):
        key = ed25519.Ed25519PrivateKey.generate()
        boot = FirstBoot(
            host=name,
            domain="benchmark.internal",
            user="ops",
            administrator_keys=[public_key],
            host_private_key=key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode(),
            host_public_key=key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
            trusted_authorities=[authority],
        )
        found[name] = {
            "osProfile": {
                "computerName": name,
                "adminUsername": "ops",
                "customData": custom_data(boot),
                "linuxConfiguration": {
                    "disablePasswordAuthentication": True,
                    "ssh": {"publicKeys": [{"keyData": public_key}]},
                },
            },
            "networkProfile": {"networkInterfaces": [{"id": interface(name)}]},
            "vmId": f"00000000-0000-4000-8000-00000000000{number}",
        }
    return found


def interface(name: str) -> str:
    return f"{NETWORK}/networkInterfaces/nic-{name}"


class Boots:
    """Both ways of booting the same nine machines, in a scratch folder that :meth:`close` removes."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="livegang-benchmark-", dir="/var/tmp"))
        self._settings = Settings(self._folder / "state")
        self._keys = ensure(self._settings, *stack_files().values())
        self._machines = machines(
            (self._keys.folder / "operator.pub").read_text().strip(), self._keys.authority.read_text()
        )

    def close(self) -> None:
        teardown.down(self._settings, lambda line: None)
        shutil.rmtree(self._folder)

    def bare(self) -> float:
        """Seconds of nine bare boots until cloud-init is done on all."""
        folder = self._folder / "bare"
        folder.mkdir()
        request = {"folder": str(folder), "base": str(image.existing(cache()).base), "machines": self._machines}
        unshare = ["unshare", "--pid", "--mount", "--cgroup", "--ipc", "--uts", "--net", "--propagation", "private"]
        unshare += ["--fork", "--kill-child=KILL", "--mount-proc", sys.executable, "-m", "benchmarks.bare"]
        result = subprocess.run(
            unshare, input=json.dumps(request), capture_output=True, text=True, cwd=PROJECT, check=False
        )
        if result.returncode:
            raise ExpectedError(f"The bare boots failed: {(result.stderr or result.stdout).strip()[-2000:]}")
        shutil.rmtree(folder)
        seconds: float = json.loads(result.stdout)["seconds"]
        return seconds

    def through_the_supervisor(self) -> float:
        """Seconds from asking a living supervisor for nine machines until all answer SSH, cloud-init done."""
        supervisor = Supervisor(self._settings)
        launch.ensure(self._settings)
        self._put_network(supervisor)
        started = time.monotonic()
        with ThreadPoolExecutor(len(HOSTS)) as pool:
            # `put` returns when cloud-init is done; the provider does the same, one call for each machine.
            list(pool.map(lambda name: self._boot(supervisor, name), HOSTS))
        seconds = time.monotonic() - started
        teardown.down(self._settings, lambda line: None)
        return seconds

    def _put_network(self, supervisor: Supervisor) -> None:
        network = SUBNET.partition("/subnets/")[0]
        supervisor.put(
            "azure-native:network:VirtualNetwork", network, {"addressSpace": {"addressPrefixes": [f"{PREFIX}.0/24"]}}
        )
        supervisor.put("azure-native:network:Subnet", SUBNET, {"addressPrefix": f"{PREFIX}.0/24"})
        for number, name in enumerate(HOSTS):
            configuration = {
                "name": "primary",
                "subnet": {"id": SUBNET},
                "privateIPAddress": f"{PREFIX}.{number + 4}",
                "privateIPAllocationMethod": "Static",
            }
            supervisor.put(
                "azure-native:network:NetworkInterface", interface(name), {"ipConfigurations": [configuration]}
            )

    def _boot(self, supervisor: Supervisor, name: str) -> None:
        identifier = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-{name}"
        supervisor.put("azure-native:compute:VirtualMachine", identifier, self._machines[name])
        self._wait_for_ssh(supervisor, f"{PREFIX}.{HOSTS.index(name) + 4}")

    def _wait_for_ssh(self, supervisor: Supervisor, address: str) -> None:
        """Until sshd greets, asked from the router's place in the network."""
        ask = (
            "import socket,sys\n"
            "s=socket.create_connection((sys.argv[1],22),2)\n"
            "s.settimeout(2)\n"
            "sys.exit(not s.recv(4)==b'SSH-')"
        )
        enter = ["nsenter", f"--target={supervisor.process_id()}", "-m", "--", "nsenter", "--net=/run/netns/router"]
        deadline = time.monotonic() + 60
        while subprocess.run([*enter, "--", sys.executable, "-c", ask, address], capture_output=True).returncode:
            if time.monotonic() > deadline:
                raise ExpectedError(f"No SSH answer from {address} within 60 s after its cloud-init was done.")
            time.sleep(0.05)
