"""Handlers of application gateways and firewall policies."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address
from operator import not_

from console.waiting import wait_until
from rehearsal import network, vault
from rehearsal.base.handler import Handler, HandlerError, Log, Properties
from rehearsal.base.records import Record
from rehearsal.base.world import World
from rehearsal.gateway import certificates, listeners, nginx
from rehearsal.gateway.certificates import CertifiedKey
from rehearsal.gateway.configuration import Configuration, build
from rehearsal.gateway.health import NAMESPACE
from rehearsal.gateway.model import Gateway
from rehearsal.gateway.parsing import parse
from rehearsal.gateway.processes import FRONT, Processes
from rehearsal.gateway.waf import Firewall, firewall
from rehearsal.gateway.watch import Watch
from rehearsal.vault.identities import assigned
from rehearsal.vault.service import SecretUri

GATEWAY = "azure-native:network:ApplicationGateway"
POLICY = "azure-native:network:WebApplicationFirewallPolicy"
ANSWER_SECONDS = 30.0

_RUNNING: Properties = {"operationalState": "Running"}


def by_token(world: World) -> dict[str, Handler]:
    """The gateway family's handlers by Pulumi token."""
    gateways = GatewayHandler(world)
    return {GATEWAY: gateways, POLICY: PolicyHandler(world, gateways)}


class GatewayHandler:
    """The one application gateway that a rehearsal can have."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._processes = Processes(world)
        self._watch = Watch(world, self._processes)
        self._lock = threading.RLock()
        self._address: IPv4Address | None = None
        vault.service(world).watch(self._secret_changed)

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        with self._lock:
            self._refuse_second(identifier)
            self._make(parse(identifier, properties), properties, {}, log)
        return dict(_RUNNING)

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        with self._lock:
            reason = self._missing(parse(identifier, properties), properties)
        if reason is None:
            return dict(_RUNNING)
        self._world.log(f"{identifier} is not what was declared: {reason}")
        return None

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        with self._lock:
            self._watch.stop()
            self._processes.stop()
            gateway = _parsed(identifier, properties)
            if gateway is not None:
                network.unpublish(self._world, gateway.public_address)
            network.detach(self._world, NAMESPACE)
            self._address = None

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        self.put(identifier, properties, log)

    def uses(self, policy: str) -> Record | None:
        """The gateway that uses the firewall policy with this id."""

        def matches(record: Record) -> bool:
            gateway = _parsed(record.id, record.properties)
            return gateway is not None and policy.lower() in nginx.policy_ids(gateway)

        return self._world.records.find(GATEWAY, matches)

    def policy_changed(self, policy: str, changed: Firewall, log: Log) -> None:
        """Serve with the changed policy."""
        with self._lock:
            record = self.uses(policy)
            if record is not None and record.complete:
                gateway = parse(record.id, record.properties)
                self._make(gateway, record.properties, {policy.lower(): changed}, log)

    def _secret_changed(self, name: str, secret: str) -> None:
        """Use a certificate's new version immediately; Azure looks for one every four hours."""
        with self._lock:
            for record in self._world.records.of_type(GATEWAY):
                gateway = _parsed(record.id, record.properties)
                if gateway is None or not record.complete:
                    continue
                targets = [SecretUri.parse(one.secret) for one in gateway.certificates if one.secret]
                named = {(target.vault.lower(), target.name.lower()) for target in targets}
                if (name.lower(), secret.lower()) not in named:
                    continue
                try:
                    self._make(gateway, record.properties, {}, self._world.log)
                except HandlerError as error:
                    # Azure, too, keeps using the old certificate, and reports that in the gateway's resource health.
                    self._world.log(f"{gateway.name} keeps its certificate: {error}")

    def _refuse_second(self, identifier: str) -> None:
        for record in self._world.records.of_type(GATEWAY):
            if record.id.lower() != identifier.lower() and record.complete:
                raise HandlerError(f"A rehearsal can have one application gateway, and {record.id} exists already.")

    def _make(self, gateway: Gateway, properties: Properties, changed: dict[str, Firewall], log: Log) -> None:
        firewalls = {**self._firewalls(gateway), **changed}
        keys = certificates.obtain(gateway, vault.service(self._world), assigned(self._world, properties))
        address = self._attach(gateway)
        configuration = build(gateway, address, firewalls, keys)
        self._processes.start()
        self._processes.load(configuration)
        network.publish(self._world, gateway.public_address, address, gateway.ports, gateway.name)
        self._wait_for_listeners(gateway, address, keys)
        self._watch.start()
        log(f"{gateway.name} serves {len(gateway.rules)} listeners on {', '.join(map(str, gateway.ports))}")

    def _attach(self, gateway: Gateway) -> IPv4Address:
        """Attach the gateway's namespace to its subnet; returns its private address."""
        if self._address is None:
            self._address = IPv4Address(network.first_free_address(self._world, gateway.subnet))
        network.attach(self._world, NAMESPACE, gateway.subnet, self._address)
        return self._address

    def _firewalls(self, gateway: Gateway) -> dict[str, Firewall]:
        found: dict[str, Firewall] = {}
        for identifier in nginx.policy_ids(gateway):
            record = self._world.records.get(identifier)
            if record is None:
                raise HandlerError(
                    f"InvalidResourceReference: {gateway.id} refers to {identifier}, which does not exist."
                )
            found[identifier] = firewall(record.id, record.properties)
        return found

    def _configuration(
        self, gateway: Gateway, properties: Properties, address: IPv4Address
    ) -> tuple[Configuration, dict[str, CertifiedKey]]:
        keys = certificates.obtain(gateway, vault.service(self._world), assigned(self._world, properties))
        return build(gateway, address, self._firewalls(gateway), keys), keys

    def _missing(self, gateway: Gateway, properties: Properties) -> str | None:
        """What is missing or not as declared; None if nothing is."""
        if self._address is None:
            return "it was never made"
        if dead := self._processes.dead():
            return f"{' and '.join(dead)} ended"
        try:
            configuration, keys = self._configuration(gateway, properties, self._address)
        except HandlerError as error:
            # For example, it may not read the secret any more: it serves with the certificate it has, as Azure's does.
            self._world.log(f"{gateway.name}: {error}")
            return None
        served = self._processes.front_revision(), self._processes.balancer_revision()
        if served != (configuration.revision, configuration.revision):
            return f"it serves configuration {served} instead of {configuration.revision}"
        if wrong := listeners.not_answering(self._world.namespaces, gateway, self._address, keys):
            return ", ".join(f"listener {name}: {reason}" for name, reason in wrong.items())
        if not network.published(self._world, gateway.public_address):
            return "its public address does not lead to it"
        return None

    def _wait_for_listeners(self, gateway: Gateway, address: IPv4Address, keys: dict[str, CertifiedKey]) -> None:
        def not_answering() -> dict[str, str]:
            return listeners.not_answering(self._world.namespaces, gateway, address, keys)

        if wrong := wait_until(not_answering, ANSWER_SECONDS, every=0.1, done=not_):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in wrong.items())
            raise HandlerError(
                f"{gateway.name}: listeners do not answer after {ANSWER_SECONDS:.0f} s: {reasons}\n"
                + self._world.containers.log_end(FRONT)
            )


def _parsed(identifier: str, properties: Properties) -> Gateway | None:
    """None for a gateway that was asked for and refused: its record exists until it is corrected or deleted."""
    try:
        return parse(identifier, properties)
    except HandlerError:
        return None


class PolicyHandler:
    """A firewall policy is part of the configuration of the gateway that uses it."""

    def __init__(self, world: World, gateways: GatewayHandler) -> None:
        self._world = world
        self._gateways = gateways

    def put(self, identifier: str, properties: Properties, log: Log) -> Properties:
        self._gateways.policy_changed(identifier, firewall(identifier, properties), log)
        return {}

    def get(self, identifier: str, properties: Properties) -> Properties | None:
        return {}

    def delete(self, identifier: str, properties: Properties, log: Log) -> None:
        user = self._gateways.uses(identifier)
        if user is not None:
            raise HandlerError(
                f"ApplicationGatewayFirewallPolicyInUse: {identifier} cannot be deleted; {user.id} uses it."
            )

    def restore(self, identifier: str, properties: Properties, log: Log) -> None:
        """The gateway, which is restored after it, reads its record."""
