"""Numbers in sentences."""

from __future__ import annotations

import pytest

from console import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts")])
def test_only_one_is_singular(number: int, words: str) -> None:
    assert counted(number, "host") == words
