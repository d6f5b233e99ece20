"""The form of the conversation with the supervisor."""

from __future__ import annotations

import io

import pytest

from rehearsal.base import protocol


def test_a_message_is_one_line_whatever_is_in_it() -> None:
    stream = io.BytesIO()
    message = {"result": "two\nlines and ü"}
    protocol.send(stream, message)
    assert stream.getvalue().count(b"\n") == 1
    stream.seek(0)
    assert protocol.receive(stream) == message
    assert protocol.receive(stream) is None


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b'{"result": 1', "middle of a message"),
        (b"hello\n", "Not JSON"),
        (b"[1, 2]\n", "Not a JSON object"),
    ],
)
def test_what_is_no_message_is_refused(sent: bytes, said: str) -> None:
    with pytest.raises(protocol.ProtocolError, match=said):
        protocol.receive(io.BytesIO(sent))
