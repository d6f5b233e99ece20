"""The handbook's page on what is not modelled says what the code says."""

from __future__ import annotations

import pytest

from rehearsal.provider import handbook_table
from rehearsal.provider.types import TYPES


def test_the_page_s_tables_are_those_of_the_code() -> None:
    page = handbook_table.PAGE.read_text(encoding="utf-8")
    assert handbook_table.written(page) == page, "run `python -m rehearsal.provider.generate`"


def test_every_type_has_its_row_and_every_row_all_its_cells() -> None:
    modelled, _, refused = handbook_table.render().partition("\n\n")
    rows = modelled.splitlines()[2:]
    assert [f"azure-native:{row.split('`')[1]}" for row in rows] == sorted(TYPES)
    assert {row.count("|") for row in rows} == {5}
    assert {row.count("|") for row in refused.splitlines()} == {3}


def test_a_page_without_marks_is_not_written_over() -> None:
    with pytest.raises(ValueError, match="lacks one of the marks"):
        handbook_table.written("# A page\n")
