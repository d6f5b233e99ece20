"""Failures that the provider reports to the engine, and through it to the user: one message, no traceback."""

from __future__ import annotations

from grpc import StatusCode

from rehearsal.provider.values import Properties


class ProviderError(Exception):
    """Something was refused or failed; the message says what, why and what to do."""

    code = StatusCode.UNKNOWN


class Refused(ProviderError):
    """Azure would refuse it, so the stand-in does."""

    code = StatusCode.FAILED_PRECONDITION


class NotKnown(ProviderError):
    """The stand-in does not know the type, function or setting."""

    code = StatusCode.INVALID_ARGUMENT


class Cancelled(ProviderError):
    """The user ended the run while the operation was under way."""

    code = StatusCode.CANCELLED


class HalfMade(ProviderError):
    """A resource exists, but its making did not end well: it stays in the state, and the next `up` updates it.

    Outputs and inputs go into the state, once the server has joined the marks of what is secret.
    """

    def __init__(self, message: str, identifier: str, outputs: Properties, inputs: Properties) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.outputs = outputs
        self.inputs = inputs
