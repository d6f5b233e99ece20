"""A small network for tests, made through the handlers as the supervisor calls them."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from rehearsal import network
from rehearsal.base.namespaces import Namespaces
from rehearsal.base.records import Record, Records
from rehearsal.base.settings import Settings
from rehearsal.base.world import World
from rehearsal.network import handlers
from rehearsal.network.emulation import EmulatedNetwork, emulated_network
from toolchain.pulumi_home import SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-test"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VNET = f"{NETWORK}/virtualNetworks/vnet-test"

HANG_SECONDS = 300.0
"""So long only what hangs takes, on a busy machine too."""
SILENT_SECONDS = 0.4
"""After so long without an answer, packets count as dropped."""


def make_world(folder: Path) -> World:
    """A world with what the network family needs of it; the rest is missing and would fail loudly."""
    world = SimpleNamespace(
        settings=Settings(folder),
        records=Records(folder / "records"),
        namespaces=Namespaces(),
        log=lambda line: None,
    )
    return cast("World", world)


def allow(name: str, priority: int, direction: str = "Inbound", **more: Any) -> dict[str, Any]:
    """A security rule in ARM's form: TCP from anywhere to anywhere unless ``more`` says otherwise."""
    rule = {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": "Allow",
        "protocol": "Tcp",
        "sourceAddressPrefix": "*",
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": "*",
        **more,
    }
    for side in ("source", "destination"):
        if f"{side}AddressPrefixes" in more:
            del rule[f"{side}AddressPrefix"]
        if f"{side}PortRanges" in more:
            del rule[f"{side}PortRange"]
    return rule


def deny(name: str, priority: int, direction: str = "Inbound", **more: Any) -> dict[str, Any]:
    return allow(name, priority, direction, access="Deny", protocol="*", **more)


DENY_ALL = [deny("deny-all-in", 4096), deny("deny-all-out", 4096, "Outbound")]


class Stage:
    """Resources by short name; every put is recorded, as the supervisor does."""

    def __init__(self, folder: Path | None = None) -> None:
        # /run is the test's own, see privately.py.
        self.world = make_world(folder or Path(tempfile.mkdtemp(dir="/run")))
        network.start(self.world)
        self.handlers = handlers.by_token(self.world)
        self.put("VirtualNetwork", VNET, {"addressSpace": {"addressPrefixes": ["10.77.0.0/16"]}})

    @property
    def network(self) -> EmulatedNetwork:
        return emulated_network(self.world)

    def put(self, kind: str, identifier: str, properties: dict[str, Any]) -> dict[str, Any]:
        token = f"azure-native:network:{kind}"
        observed = self.handlers[token].put(identifier, properties, lambda line: None)
        self.world.records.put(Record(token, identifier, properties, observed))
        return observed

    def get(self, identifier: str) -> dict[str, Any] | None:
        record = self.world.records.get(identifier)
        assert record is not None
        return self.handlers[record.type].get(identifier, record.properties)

    def delete(self, identifier: str) -> None:
        record = self.world.records.get(identifier)
        assert record is not None
        self.handlers[record.type].delete(identifier, record.properties, lambda line: None)
        self.world.records.delete(identifier)

    def again(self, identifier: str, **changes: Any) -> dict[str, Any]:
        """Put a resource once more, with changes."""
        record = self.world.records.get(identifier)
        assert record is not None
        return self.put(record.type.rsplit(":", 1)[-1], identifier, {**record.properties, **changes})

    def group(self, name: str, *rules: dict[str, Any]) -> str:
        identifier = f"{NETWORK}/networkSecurityGroups/nsg-{name}"
        self.put("NetworkSecurityGroup", identifier, {"securityRules": list(rules)})
        return identifier

    def subnet(self, name: str, number: int, group: str | None = None, nat: str | None = None, **more: Any) -> str:
        identifier = f"{VNET}/subnets/snet-{name}"
        properties: dict[str, Any] = {"addressPrefix": f"10.77.{number}.0/24", "defaultOutboundAccess": False, **more}
        if group:
            properties["networkSecurityGroup"] = {"id": group}
        if nat:
            properties["natGateway"] = {"id": nat}
        self.put("Subnet", identifier, properties)
        return identifier

    def nic(self, name: str, subnet: str, address: str | None, **more: Any) -> str:
        identifier = f"{NETWORK}/networkInterfaces/nic-{name}"
        configuration: dict[str, Any] = {"name": "primary", "subnet": {"id": subnet}, **more}
        if address:
            configuration |= {"privateIPAddress": address, "privateIPAllocationMethod": "Static"}
        self.put("NetworkInterface", identifier, {"ipConfigurations": [configuration]})
        return identifier

    def public_address(self, name: str) -> tuple[str, str]:
        """Id and address."""
        identifier = f"{NETWORK}/publicIPAddresses/pip-{name}"
        observed = self.put("PublicIPAddress", identifier, {"sku": {"name": "Standard"}, "zones": ["1", "2", "3"]})
        return identifier, observed["ipAddress"]

    def nat_gateway(self, *publics: str) -> str:
        identifier = f"{NETWORK}/natGateways/ng-test"
        self.put("NatGateway", identifier, {"publicIpAddresses": [{"id": public} for public in publics]})
        return identifier

    def nft(self, *words: str, place: str = "router") -> str:
        return self.world.namespaces.run(place, ["nft", *words])

    def delete_rule(self, comment: str, place: str = "router", table: str = "inet azure") -> None:
        """Delete a rule as a person would: look up its handle, then delete it."""
        for line in self.nft("-a", "list", "table", *table.split(), place=place).splitlines():
            if line.startswith("\tchain"):
                chain = line.split()[1]
            if f'comment "{comment}"' in line:
                self.nft("delete", "rule", *table.split(), chain, "handle", line.rsplit(" ", 1)[-1], place=place)

    def serve(self, namespace: str, address: str, port: int) -> socket.socket:
        return self.world.namespaces.listen(namespace, address, port)

    def reaches(self, namespace: str, address: str, port: int, seconds: float = HANG_SECONDS) -> bool:
        """Whether a connection is made in time; a refusal is an error, because what is denied must not answer."""
        try:
            with self.world.namespaces.connect(namespace, (address, port), seconds):
                return True
        except TimeoutError:
            return False

    def times_out(self, namespace: str, address: str, port: int) -> bool:
        """Whether nothing answers. It waits briefly: each such check has a counterpart that does answer."""
        return not self.reaches(namespace, address, port, SILENT_SECONDS)
