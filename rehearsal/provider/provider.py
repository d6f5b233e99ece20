"""What the stand-in does with a resource, in plain data: no gRPC here.

Check, diff and preview are its own affair; create, update, read and delete go through a ResourceManager.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from rehearsal.provider import immutables, preview, schema
from rehearsal.provider.check import Failure, check_shape
from rehearsal.provider.diff import Diff, compare, normal_location
from rehearsal.provider.engine import Engine
from rehearsal.provider.errors import Cancelled, HalfMade, NotKnown, ProviderError, Refused
from rehearsal.provider.in_use import refusal_to_delete
from rehearsal.provider.landscape import Landscape
from rehearsal.provider.ledger import Ledger, references
from rehearsal.provider.manager import ResourceManager
from rehearsal.provider.refresh import inputs_of, refreshed_inputs
from rehearsal.provider.types import TYPES
from rehearsal.provider.types.base import ResourceType, tags_refused
from rehearsal.provider.values import UNKNOWN, Properties, merge

_GROUP = "azure-native:resources:ResourceGroup"
_Result = TypeVar("_Result")

_LOOK_FOR_CANCEL = 0.2
"""Seconds."""


@dataclass
class Provider:
    """One configured provider: the subscription and default location, and who makes resources."""

    landscape: Landscape
    manager: ResourceManager
    ledger: Ledger
    engine: Engine
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the user ends the run: nothing is waited for any more."""
    made: set[str] = field(default_factory=set)
    """The ids that this process told the engine of."""

    # Checking: nothing below touches the manager.

    def check(self, urn: str, old: Properties, new: Properties, seed: bytes) -> tuple[Properties, list[Failure]]:
        """Plain inputs completed with the provider's defaults, and all that is wrong with them."""
        kind = resource_type(urn)
        inputs = self._with_defaults(kind, urn, old, new, seed)
        failures = check_shape(kind.token, inputs)
        if not failures:
            identifier = kind.resource_id(inputs, self.landscape.subscription)
            failures = [*self._location_refused(kind, inputs), *tags_refused(inputs)]
            failures += kind.validate(identifier, inputs, self.landscape)
            if identifier is not None:
                self.landscape.note(kind.token, identifier, inputs)
        return inputs, failures

    def _with_defaults(self, kind: ResourceType, urn: str, old: Properties, new: Properties, seed: bytes) -> Properties:
        inputs = dict(new)
        known = schema.resource(kind.token)["properties"]
        if inputs.get(kind.name_parameter) is None:
            if kind.name_parameter in old:
                inputs[kind.name_parameter] = old[kind.name_parameter]
                random = old.get("__createBeforeDelete") is True
            else:
                inputs[kind.name_parameter] = _made_name(kind, urn, seed)
                random = kind.naming != "copy"
            if random:
                inputs["__createBeforeDelete"] = True
        if "location" in known and inputs.get("location") is None and (place := self._default_location(old, inputs)):
            inputs["location"] = place
        inputs.setdefault("azureApiVersion", schema.resource(kind.token)["api"])
        return inputs

    def _default_location(self, old: Properties, inputs: Properties) -> object:
        """In the real provider's order: the old inputs', the configuration's, the resource group's."""
        if "location" in old:
            return old["location"]
        if self.landscape.location:
            return self.landscape.location
        group = inputs.get("resourceGroupName")
        if group is UNKNOWN:
            return UNKNOWN
        identifier = TYPES[_GROUP].resource_id(inputs, self.landscape.subscription)
        found = self.landscape.find(_GROUP, identifier)
        return found.get("location") if found else None

    def _location_refused(self, kind: ResourceType, inputs: Properties) -> list[Failure]:
        if "location" not in schema.resource(kind.token)["properties"]:
            return []
        location = inputs.get("location")
        if location is None:
            cure = "set it, or configure it: pulumi config set azure-native:location VALUE"
            return [Failure("location", f"missing required property; {cure}")]
        if kind.global_location and isinstance(location, str) and normal_location(location) != "global":
            reason = f"{location!r}: this type is at the location Global only (LocationNotAvailableForResourceType)"
            return [Failure("location", f"{reason}; left out, the provider fills in the stack's or the group's")]
        return []

    def diff(self, urn: str, identifier: str, old: Properties, new: Properties) -> Diff:
        kind = resource_type(urn)
        self.ledger.settle({identifier})
        return compare(old, new, kind.replacing | set(kind.path_parameters))

    def preview_create(self, urn: str, inputs: Properties) -> Properties:
        return preview.preview_outputs(resource_type(urn).token, inputs)

    def preview_update(
        self, urn: str, identifier: str, old: Properties, new: Properties, outputs: Properties
    ) -> Properties:
        """The outputs after an update, given plain inputs; raises Refused for what Azure would refuse."""
        kind = resource_type(urn)
        self.ledger.settle({identifier})
        self._refuse_immutable(kind, urn, identifier, old, new, outputs)
        return preview.preview_outputs(kind.token, new, outputs)

    def _refuse_immutable(
        self, kind: ResourceType, urn: str, identifier: str, old: Properties, new: Properties, outputs: Properties
    ) -> None:
        def users() -> list[str]:
            return [entry.identifier for entry in self.ledger.users(identifier)]

        refused = immutables.refusals(kind.token, old, new, outputs, users)
        if refused:
            raise Refused("Azure would refuse this update:\n" + "\n".join(f"  {reason}" for reason in refused))
        for path in immutables.restarts(kind.token, old, new, outputs):
            self.engine.tell(urn, f"{path} changes: Azure restarts the machine for it, minutes of downtime.")

    # Making.

    def create(self, urn: str, inputs: Properties) -> tuple[str, Properties]:
        """Make the resource; its id and plain outputs. Raises HalfMade when it exists but did not come up."""
        kind = resource_type(urn)
        identifier = kind.resource_id(inputs, self.landscape.subscription)
        if identifier is None:
            raise ProviderError(
                f"The id of {urn} cannot be formed: one of {', '.join(kind.path_parameters)} is missing."
            )
        self._adopt_or_refuse(kind, urn, identifier)
        return identifier, self._put(kind, urn, identifier, inputs)

    def _adopt_or_refuse(self, kind: ResourceType, urn: str, identifier: str) -> None:
        if self.manager.get(kind, identifier) is None:
            return
        noted = self.ledger.find(identifier)
        if noted is None or noted.urn != urn:
            owner = f"it belongs to {noted.urn}" if noted else "it belongs to no resource of this program"
            raise Refused(
                f"cannot create already existing resource {identifier!r}: {owner}. "
                "Give this one another name, or delete that one first."
            )
        if noted.settled:
            raise Refused(
                f"cannot create already existing resource {identifier!r}. If it is being replaced: Pulumi creates the "
                "new one first, which cannot have the same name; set the option delete_before_replace=True on it."
            )
        self.engine.tell(urn, "Exists already, left by a run that was interrupted: adopted (Azure would refuse).")

    def update(self, urn: str, identifier: str, old: Properties, new: Properties, outputs: Properties) -> Properties:
        kind = resource_type(urn)
        self._refuse_immutable(kind, urn, identifier, old, new, outputs)
        return self._put(kind, urn, identifier, new)

    def _put(self, kind: ResourceType, urn: str, identifier: str, inputs: Properties) -> Properties:
        outputs = kind.outputs(identifier, inputs)
        wanted = merge(_own(kind, inputs), outputs)
        # Before the resource is made: after a kill -9 in between, the next run must know whose it is.
        self.ledger.note(identifier, kind.token, urn, references(_own(kind, inputs)))
        self.engine.progress(urn, "asked the stand-in")
        try:
            observed = self._unless_cancelled(
                identifier,
                lambda: self.manager.put(kind, identifier, wanted, lambda line: self.engine.progress(urn, line)),
            )
        except Cancelled:
            raise
        except ProviderError as error:
            if self.manager.get(kind, identifier) is None:
                raise
            self.made.add(identifier)
            raise HalfMade(str(error), identifier, self._returned(kind, outputs), inputs) from error
        self.made.add(identifier)
        return self._returned(kind, merge(outputs, observed))

    def _unless_cancelled(self, identifier: str, operation: Callable[[], _Result]) -> _Result:
        """The operation's result; raises Cancelled as soon as the user ends the run, and leaves it to itself."""
        worker = ThreadPoolExecutor(1)
        waited = worker.submit(operation)
        worker.shutdown(wait=False)
        while not self.cancelled.is_set():
            try:
                return waited.result(timeout=_LOOK_FOR_CANCEL)
            except TimeoutError:
                if waited.done():
                    raise
        raise Cancelled(f"Ended while {identifier} was being made. The next `pulumi up` goes on where this one ended.")

    def end(self) -> None:
        """The engine ends in good order: it has in its state all that it was told of."""
        self.ledger.settle(self.made)

    def _returned(self, kind: ResourceType, outputs: Properties) -> Properties:
        version = {"azureApiVersion": schema.resource(kind.token)["api"]}
        return preview.returned(kind.token, {**outputs, **version})

    def read(
        self, urn: str, identifier: str, inputs: Properties | None, outputs: Properties
    ) -> tuple[Properties, Properties] | None:
        """Plain inputs and outputs as they really are; None when the resource is gone. Without inputs: an import."""
        kind = resource_type(urn)
        if inputs is not None:
            self.ledger.settle({identifier})
        observed = self.manager.get(kind, identifier)
        if observed is None:
            return None
        if inputs is None:
            return self._imported(kind, identifier, observed)
        base = outputs or self._returned(kind, kind.outputs(identifier, inputs))
        found = self._returned(kind, merge(base, observed))
        return refreshed_inputs(kind.token, inputs, base, found), found

    def _imported(self, kind: ResourceType, identifier: str, observed: Properties) -> tuple[Properties, Properties]:
        properties = self.manager.put_properties(identifier)
        if properties is None:
            raise ProviderError(
                f"{identifier} cannot be imported: the stand-in imports on paper only. "
                "Declare it and run `pulumi up`: what an interrupted run left is adopted."
            )
        path_values = kind.path_values(identifier)
        outputs = self._returned(kind, merge(kind.outputs(identifier, {**properties, **path_values}), observed))
        inputs = inputs_of(kind.token, outputs, path_values)
        return {**inputs, "azureApiVersion": schema.resource(kind.token)["api"]}, outputs

    def delete(self, urn: str, identifier: str) -> None:
        kind = resource_type(urn)
        users = [
            entry
            for entry in self.ledger.users(identifier)
            if entry.type in TYPES and self.manager.get(TYPES[entry.type], entry.identifier) is not None
        ]
        if reason := refusal_to_delete(kind.token, identifier, users):
            raise Refused(reason)
        self.manager.delete(kind, identifier, lambda line: self.engine.progress(urn, line))
        self.ledger.forget(identifier)


def resource_type(urn: str) -> ResourceType:
    """The type that a URN is of; raises NotKnown for one that the stand-in does not have."""
    token = urn.split("::")[2].rpartition("$")[2]
    if token not in TYPES:
        known = ", ".join(sorted(name.removeprefix("azure-native:") for name in TYPES))
        raise NotKnown(
            f"The stand-in azure-native provider does not know the type {token} (of {urn}). It knows {known}. "
            "A new type: rehearsal/provider/types/, and schema.SUPPORTED."
        )
    return TYPES[token]


def _own(kind: ResourceType, inputs: Properties) -> Properties:
    """The inputs without what the provider added and without the path."""
    added = {"azureApiVersion", "__createBeforeDelete", *kind.path_parameters}
    return {name: value for name, value in inputs.items() if name not in added}


def _made_name(kind: ResourceType, urn: str, seed: bytes) -> str:
    """A name where the program gives none, formed as the real provider forms it."""
    name = urn.rpartition("::")[2]
    random = hashlib.sha256(seed + urn.encode()).hexdigest()
    match kind.naming:
        case "copy":
            return name
        case "uuid":
            return str(uuid.UUID(random[:32]))
    return f"{name}{random[:8]}"
