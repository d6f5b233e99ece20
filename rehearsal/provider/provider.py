"""What the stand-in does with a resource: no gRPC here, and secrets in plain text until the server marks them again.

Check, diff and preview are its own affair; create, update, read and delete go through a ResourceManager.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from rehearsal.provider import immutables, preview, schema
from rehearsal.provider.backends import ResourceManager
from rehearsal.provider.defaults import location_refused, with_defaults
from rehearsal.provider.diff import Diff, compare
from rehearsal.provider.engine import Engine
from rehearsal.provider.errors import Cancelled, HalfMade, NotKnown, ProviderError, Refused
from rehearsal.provider.in_use import refusal_to_delete
from rehearsal.provider.ledger import Ledger, references
from rehearsal.provider.refresh import inputs_of, refreshed_inputs
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import Failure, check_shape
from rehearsal.provider.types import TYPES
from rehearsal.provider.types.base import ResourceType, tags_refused
from rehearsal.provider.values import Marks, Properties, merge

_Result = TypeVar("_Result")

NO_MARKS = Marks()

_LOOK_FOR_CANCEL = 0.2
"""Seconds."""


@dataclass
class Provider:
    """One configured provider: the subscription and default location, and who makes resources."""

    checked: KnownResources
    manager: ResourceManager
    ledger: Ledger
    engine: Engine
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the user ends the run: nothing is waited for any more."""
    made: set[str] = field(default_factory=set)
    """The ids that this process reported to the engine."""

    # Checking: nothing below touches the manager.

    def check(self, urn: str, old: Properties, new: Properties, seed: bytes) -> tuple[Properties, list[Failure]]:
        """The inputs completed with the provider's defaults, and all that is wrong with them."""
        kind = resource_type(urn)
        inputs = with_defaults(kind, urn, old, new, seed, self.checked)
        failures = check_shape(kind.token, inputs)
        if not failures:
            identifier = kind.resource_id(inputs, self.checked.subscription)
            failures = [*location_refused(kind, inputs), *tags_refused(inputs)]
            failures += kind.validate(identifier, inputs, self.checked)
            if identifier is not None:
                self.checked.note(kind.token, identifier, inputs)
        return inputs, failures

    def diff(self, urn: str, identifier: str, old: Properties, new: Properties) -> Diff:
        kind = resource_type(urn)
        self.ledger.settle({identifier})
        return compare(old, new, kind.replacing | set(kind.path_parameters))

    def preview_create(self, urn: str, inputs: Properties) -> Properties:
        return preview.preview_outputs(resource_type(urn).token, inputs)

    def preview_update(
        self, urn: str, identifier: str, old: Properties, new: Properties, outputs: Properties
    ) -> Properties:
        """The outputs after an update; raises Refused for what Azure would refuse."""
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
            self.engine.inform(urn, f"{path} changes: Azure restarts the machine for it, minutes of downtime.")

    # Making.

    def create(self, urn: str, inputs: Properties, marks: Marks = NO_MARKS) -> tuple[str, Properties]:
        """Make the resource; its id and outputs. Raises HalfMade when it exists but did not come up.

        ``marks`` are of what is secret: that is never kept.
        """
        kind = resource_type(urn)
        identifier = kind.resource_id(inputs, self.checked.subscription)
        if identifier is None:
            raise ProviderError(
                f"The id of {urn} cannot be formed: one of {', '.join(kind.path_parameters)} is missing."
            )
        self._adopt_or_refuse(kind, urn, identifier)
        return identifier, self._put(kind, urn, identifier, inputs, marks)

    def _adopt_or_refuse(self, kind: ResourceType, urn: str, identifier: str) -> None:
        if self.manager.get(kind, identifier) is None:
            self.ledger.forget(identifier)  # of one that was lost: it would say of this one that it is settled
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
        self.engine.inform(urn, "Exists already, left by a run that was interrupted: adopted (Azure would refuse).")

    def update(
        self,
        urn: str,
        identifier: str,
        old: Properties,
        inputs: Properties,
        outputs: Properties,
        marks: Marks = NO_MARKS,
    ) -> Properties:
        """Change the resource, from old inputs and outputs; its new outputs. Raises as `create` does."""
        kind = resource_type(urn)
        self._refuse_immutable(kind, urn, identifier, old, inputs, outputs)
        return self._put(kind, urn, identifier, inputs, marks)

    def _put(self, kind: ResourceType, urn: str, identifier: str, inputs: Properties, marks: Marks) -> Properties:
        outputs = kind.outputs(identifier, inputs)
        wanted = merge(_own(kind, inputs), outputs)
        # Before the resource is made: after a kill -9 in between, the next run must know whose it is.
        self.ledger.begin(identifier, kind.token, urn, references(_own(kind, inputs)))
        try:
            observed = self._unless_cancelled(
                identifier,
                lambda: self.manager.put(kind, identifier, wanted, lambda line: self.engine.progress(urn, line)),
            )
        except Cancelled:
            raise
        except ProviderError as error:
            if not kind.survives_failure and self.manager.get(kind, identifier) is None:
                raise
            self.made.add(identifier)
            raise HalfMade(str(error), identifier, self._returned(kind, outputs), inputs) from error
        self.made.add(identifier)
        returned = self._returned(kind, merge(outputs, observed))
        self.ledger.complete(identifier, marks.clear(returned))
        return returned

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
        """The engine ends in good order: everything reported to it is in its state."""
        self.ledger.settle(self.made)

    def _returned(self, kind: ResourceType, outputs: Properties) -> Properties:
        version = {"azureApiVersion": schema.resource(kind.token)["api"]}
        return preview.returned(kind.token, {**outputs, **version})

    def read(
        self, urn: str, identifier: str, inputs: Properties | None, outputs: Properties
    ) -> tuple[Properties, Properties] | None:
        """Inputs and outputs as they really are; None when the resource is gone. Without inputs: an import.

        Raises HalfMade for one whose making did not come to its end: a refresh keeps that in the state.
        """
        kind = resource_type(urn)
        if inputs is not None:
            self.ledger.settle({identifier})
        observed = self.manager.get(kind, identifier)
        if observed is None:
            return None
        if inputs is None:
            return self._imported(kind, identifier, observed)
        noted = self.ledger.find(identifier)
        if noted is not None and not noted.outputs:
            found = self._returned(kind, merge(kind.outputs(identifier, inputs), observed))
            raise HalfMade("Its making did not come to its end. `pulumi up` completes it.", identifier, found, inputs)
        # The state may hold what an earlier refresh found amiss: what was declared is in the ledger.
        declared = merge(outputs, noted.outputs if noted else {})
        found = self._returned(kind, merge(declared, observed))
        return refreshed_inputs(kind.token, inputs, outputs, found), found

    def _imported(self, kind: ResourceType, identifier: str, observed: Properties) -> tuple[Properties, Properties]:
        noted = self.ledger.find(identifier)
        if noted is None:
            raise ProviderError(
                f"{identifier} cannot be imported: this program did not make it, and the stand-in knows no more of it "
                "than that it exists. Declare it and run `pulumi up`."
            )
        outputs = self._returned(kind, merge(noted.outputs, observed))
        inputs = inputs_of(kind.token, outputs, kind.path_values(identifier))
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
            "A new type is a class in rehearsal/provider/types/."
        )
    return TYPES[token]


def _own(kind: ResourceType, inputs: Properties) -> Properties:
    """The inputs without what the provider added and without the path."""
    added = {"azureApiVersion", "__createBeforeDelete", *kind.path_parameters}
    return {name: value for name, value in inputs.items() if name not in added}
