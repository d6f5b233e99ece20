"""The messages between client and supervisor: one JSON object per line.

A request is ``{"method": str, "params": {…}}``. Its replies are any number of ``{"log": str}``, then one
``{"result": any}`` or ``{"error": str, "hint": str | null}``.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

Message = dict[str, Any]

PING = "ping"
"""Method that a supervisor answers as long as it can be asked for anything."""
ENDING = "It is ending."
"""The error that `ping` gets from a supervisor that is shutting down."""


class Writer(Protocol):
    def write(self, data: bytes, /) -> object: ...
    def flush(self) -> object: ...


class Reader(Protocol):
    def readline(self) -> bytes: ...


class ProtocolError(Exception):
    """The other side sent something that is not such a message."""


def encode(message: Message) -> bytes:
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def send(stream: Writer, message: Message) -> None:
    stream.write(encode(message))
    stream.flush()


def receive(stream: Reader) -> Message | None:
    """The next message; None when the other side has ended the conversation."""
    line = stream.readline()
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise ProtocolError("The conversation ended in the middle of a message.")
    try:
        message = json.loads(line)
    except ValueError as error:
        raise ProtocolError(f"Not JSON: {line[:60]!r}") from error
    if not isinstance(message, dict):
        raise ProtocolError(f"Not a JSON object: {line[:60]!r}")
    return message
