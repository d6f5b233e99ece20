"""Progress and messages for the user, through the engine that started the provider."""

from __future__ import annotations

import logging
import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_log = logging.getLogger(__name__)


class Engine:
    """The engine's log. Messages are dropped where the provider was started by hand, without an engine."""

    def __init__(self, address: str | None) -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address)) if address else None
        self._guard = threading.Lock()

    def progress(self, urn: str, message: str) -> None:
        """Show a line in the status column of a resource, until the next one."""
        self._log(engine_pb2.INFO, urn, message, ephemeral=True)

    def inform(self, urn: str, message: str) -> None:
        """Show a message that stays on the screen."""
        self._log(engine_pb2.INFO, urn, message, ephemeral=False)

    def warn(self, urn: str, message: str) -> None:
        """Show a warning that stays on the screen."""
        self._log(engine_pb2.WARNING, urn, message, ephemeral=False)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool) -> None:
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            with self._guard:
                self._stub.Log(request, timeout=5)
        except grpc.RpcError as error:
            # The engine is ending, or gone: whatever the provider is doing still has to come to its end.
            _log.info("The engine did not take %r: %s", message, error)
