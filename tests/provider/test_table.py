"""The handbook's page on what is not modelled says what the code says."""

from __future__ import annotations

import pytest

from rehearsal.provider import table
from rehearsal.provider.types import TYPES


def test_the_page_s_tables_are_those_of_the_code() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.written(page) == page, "run `python -m rehearsal.provider.table --write`"


def test_every_type_says_what_is_real_about_it() -> None:
    for token in TYPES:
        assert f"| `{token.removeprefix('azure-native:')}` |" in table.render()


def test_a_page_without_marks_is_not_written_over() -> None:
    with pytest.raises(ValueError, match="lacks one of the marks"):
        table.written("# A page\n")
