"""The provider's gRPC face: Pulumi's resource provider protocol, as far as the engine uses it."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.base import settings
from rehearsal.provider import schema
from rehearsal.provider.backends import OfflineManager, ResourceManager, SupervisorManager
from rehearsal.provider.engine import Engine
from rehearsal.provider.errors import HalfMade, NotKnown, ProviderError, Refused
from rehearsal.provider.ledger import Ledger
from rehearsal.provider.provider import Provider
from rehearsal.provider.resources_of_run import KnownResources
from rehearsal.provider.shape_check import check_configuration
from rehearsal.provider.types.base import guid
from rehearsal.provider.values import Marks, decode, encode, plain, split
from toolchain.pulumi_home import SUBSCRIPTION

_log = logging.getLogger(__name__)
_Method = TypeVar("_Method", bound=Callable[..., Any])


def reported(method: _Method) -> _Method:
    """Turn what a method raises into a gRPC status: a message for the user, never a traceback."""

    @functools.wraps(method)
    def call(self: Servicer, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except HalfMade as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
            code, message = grpc.StatusCode.UNKNOWN, str(error)
        except ProviderError as error:
            code, message = error.code, str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine must get an answer
            _log.exception("%s failed", method.__name__)
            code = grpc.StatusCode.INTERNAL
            message = (
                f"The stand-in provider failed in {method.__name__}: {type(error).__name__}: {error}. Log: {log_file()}"
            )
        return context.abort(code, message)

    return call  # type: ignore[return-value]


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One provider process. `Configure` comes before any resource."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._provider: Provider | None = None

    def end(self) -> None:
        """The engine ends in good order."""
        if self._provider is not None:
            self._provider.end()

    @property
    def provider(self) -> Provider:
        if self._provider is None:
            raise ProviderError("The provider was asked for a resource before it was configured.")
        return self._provider

    @reported
    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    @reported
    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        # Only a provider that was started by hand is attached to (PULUMI_DEBUG_PROVIDERS=azure-native:PORT).
        self._engine = Engine(request.address)
        return empty_pb2.Empty()

    @reported
    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=schema.document()["sdk"])

    @reported
    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        failures = check_configuration(decode(request.news))
        reasons = [provider_pb2.CheckFailure(reason=str(failure)) for failure in failures]
        return provider_pb2.CheckResponse(inputs=request.news, failures=reasons)

    @reported
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    @reported
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        values = {**plain(decode(request.args)), **{k.split(":")[-1]: v for k, v in request.variables.items()}}
        subscription = values.get("subscriptionId") or os.environ.get("ARM_SUBSCRIPTION_ID")
        if not isinstance(subscription, str):
            raise NotKnown("No subscription is configured. Set it: pulumi config set azure-native:subscriptionId ID")
        if not offline() and subscription != SUBSCRIPTION:
            raise Refused(
                f"This is the rehearsal's stand-in for Azure: it serves the subscription {SUBSCRIPTION} only, "
                f"not {subscription}. A stack that is meant for Azure needs the real provider: run it with a "
                "PULUMI_HOME of your own. Offline any stack can be previewed: fab infra.preview --offline."
            )
        ledger = Ledger(home() / "ledger.json")
        manager: ResourceManager = (
            OfflineManager(ledger) if offline() else SupervisorManager(settings.Settings.for_this_clone())
        )
        self._provider = Provider(KnownResources(subscription, values.get("location")), manager, ledger, self._engine)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @reported
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        if request.tok != "azure-native:authorization:getClientConfig":
            raise NotKnown(
                f"The stand-in azure-native provider does not know the function {request.tok}. "
                "It knows azure-native:authorization:getClientConfig."
            )
        subscription = self.provider.checked.subscription
        who = {
            "clientId": guid(subscription, "operator client"),
            "objectId": guid(subscription, "operator object"),
            "subscriptionId": subscription,
            "tenantId": settings.TENANT,
        }
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(who))  # `return` is a word of Python's own.
        return response

    @reported
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        inputs, marks = split(decode(request.news))
        checked, failures = self.provider.check(request.urn, plain(decode(request.olds)), inputs, request.randomSeed)
        # `property` is left empty: the engine would print it before the reason, which has the full path already.
        reasons = [provider_pb2.CheckFailure(reason=str(failure)) for failure in failures]
        return provider_pb2.CheckResponse(inputs=encode(marks.join(checked)), failures=reasons)

    @reported
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        diff = self.provider.diff(
            request.urn, request.id, plain(decode(request.old_inputs)), plain(decode(request.news))
        )
        some = provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE
        details = {
            change.path: provider_pb2.PropertyDiff(
                kind=_KINDS[change.operation, change.replaces],
                inputDiff=True,
            )
            for change in diff.changes
        }
        return provider_pb2.DiffResponse(
            changes=some,
            diffs=diff.top_level,
            replaces=diff.replaces,
            deleteBeforeReplace=diff.delete_before_replace,
            detailedDiff=details,
            hasDetailedDiff=bool(details),
        )

    @reported
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        inputs, marks = split(decode(request.properties))
        if request.preview:
            outputs = self.provider.preview_create(request.urn, inputs)
            return provider_pb2.CreateResponse(properties=encode(marks.join(outputs)))
        with _joined(marks, marks):
            identifier, outputs = self.provider.create(request.urn, inputs, marks)
        return provider_pb2.CreateResponse(id=identifier, properties=encode(marks.join(outputs)))

    @reported
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        inputs, marks = split(decode(request.news))
        old, state = plain(decode(request.old_inputs)), plain(decode(request.olds))
        if request.preview:
            outputs = self.provider.preview_update(request.urn, request.id, old, inputs, state)
        else:
            with _joined(marks, marks):
                outputs = self.provider.update(request.urn, request.id, old, inputs, state, marks)
        return provider_pb2.UpdateResponse(properties=encode(marks.join(outputs)))

    @reported
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        inputs, of_inputs = split(decode(request.inputs))
        outputs, of_outputs = split(decode(request.properties))
        of_outputs = of_outputs.merged_with(of_inputs)
        with _joined(of_inputs, of_outputs):
            found = self.provider.read(request.urn, request.id, inputs or None, outputs)
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=request.id,
            inputs=encode(of_inputs.join(found[0])),
            properties=encode(of_outputs.join(found[1])),
        )

    @reported
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self.provider.delete(request.urn, request.id)
        return empty_pb2.Empty()

    @reported
    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        if self._provider is not None:
            self._provider.cancelled.set()
        return empty_pb2.Empty()


@contextmanager
def _joined(of_inputs: Marks, of_outputs: Marks) -> Iterator[None]:
    """What a failure leaves in the state gets its marks as any other answer does."""
    try:
        yield
    except HalfMade as half:
        outputs, inputs = of_outputs.join(half.outputs), of_inputs.join(half.inputs)
        raise HalfMade(str(half), half.identifier, outputs, inputs) from None


_PROPERTY_DIFF = provider_pb2.PropertyDiff
_KINDS = {
    ("add", False): _PROPERTY_DIFF.ADD,
    ("add", True): _PROPERTY_DIFF.ADD_REPLACE,
    ("delete", False): _PROPERTY_DIFF.DELETE,
    ("delete", True): _PROPERTY_DIFF.DELETE_REPLACE,
    ("update", False): _PROPERTY_DIFF.UPDATE,
    ("update", True): _PROPERTY_DIFF.UPDATE_REPLACE,
}


def _details(error: HalfMade) -> bytes:
    """The status details from which the engine learns that the resource exists nevertheless."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identifier, properties=encode(error.outputs), reasons=[str(error)], inputs=encode(error.inputs)
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])
    return status.SerializeToString()


def offline() -> bool:
    """Whether nothing is made; the `pulumi` launcher sets it."""
    return os.environ.get("LIVEGANG_OFFLINE") == "1"


def home() -> Path:
    """Where the provider keeps its ledger and its log: below the PULUMI_HOME that it was started from."""
    base = os.environ.get("PULUMI_HOME")
    return (Path(base) if base else settings.Settings.for_this_clone().pulumi_home) / "stand-in"


def log_file() -> Path:
    return home() / "provider.log"
