"""When a database host is looked at again because its replication is still catching up."""

from __future__ import annotations

import pytest

from verify.inspection.gathering import Output, Outputs
from verify.inspection.replication import LARGEST_LAG, caught_up


def said(**answers: str) -> Outputs:
    return Outputs({name: Output(name, answer, 0) for name, answer in answers.items()})


@pytest.mark.parametrize(
    ("clients", "expected"),
    [
        ("db02 10.77.1.5 streaming TLSv1.3 0", True),
        (f"db02 10.77.1.5 streaming TLSv1.3 {LARGEST_LAG}", False),
        ("db02 10.77.1.5 catchup TLSv1.3 120", False),
        ("db02 10.77.1.5 streaming TLSv1.3", False),
        ("", False),
    ],
    ids=["it follows", "a new segment was begun", "it catches up", "its position is not known", "it is not back yet"],
)
def test_a_primary_is_asked_again_until_its_standby_follows(clients: str, expected: bool) -> None:
    assert caught_up(said(recovery="f", clients=clients)) is expected


@pytest.mark.parametrize(("receiver", "expected"), [("streaming 10.77.1.4 db02", True), ("", False)])
def test_a_standby_is_asked_again_until_it_receives(receiver: str, expected: bool) -> None:
    assert caught_up(said(recovery="t", receiver=receiver)) is expected


def test_a_host_that_does_not_answer_is_asked_again() -> None:
    assert not caught_up(said(recovery="could not connect to server", clients="could not connect to server"))
