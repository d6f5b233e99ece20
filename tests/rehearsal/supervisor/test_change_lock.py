"""Changes and standing still keep out of each other's way."""

from __future__ import annotations

import threading

import pytest

from rehearsal.base.handler import HandlerError
from rehearsal.supervisor.change_lock import Changes


def test_nothing_is_frozen_while_something_changes_and_changes_go_on_side_by_side() -> None:
    changes = Changes()
    refused = pytest.raises(HandlerError, match="being changed at this moment, so no snapshot")
    with changes.one(print), changes.one(print), refused, changes.none("snapshot"):
        pytest.fail("it stood still in the middle of a change")
    with changes.none("snapshot"):
        pass


def test_a_change_waits_until_all_may_move_again_and_says_so() -> None:
    changes = Changes()
    reported = threading.Event()
    done = threading.Event()

    def change() -> None:
        with changes.one(lambda line: reported.set()):
            done.set()

    with changes.none("snapshot"):
        thread = threading.Thread(target=change)
        thread.start()
        assert reported.wait(5)
        assert not done.is_set()
    assert done.wait(5)
    thread.join()


def test_what_fails_lets_the_others_go_on() -> None:
    changes = Changes()
    with pytest.raises(ValueError, match="in it"), changes.none("snapshot"):
        raise ValueError("in it")
    with pytest.raises(ValueError, match="in it"), changes.one(print):
        raise ValueError("in it")
    with changes.none("snapshot"):
        pass
