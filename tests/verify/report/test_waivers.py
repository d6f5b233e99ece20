"""A skipped check may be waived by name, for a limited time; nothing else may."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import ExpectedError
from tests.verify.report.trial import Trial, gaps
from verify.report.waivers import read_waivers

pytest_plugins = ["pytester"]


def test_a_skipped_check_blocks_until_it_is_waived_by_name(trial: Trial) -> None:
    trial.write("test_more.py", "import pytest\n\ndef test_disk_is_there():\n    pytest.skip('no disk yet')\n")
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["more, disk is there: skipped: no disk yet"]
    trial.write(
        "waivers.yaml",
        "- {check: 'test_more.py::test_disk_is_there', reason: comes on Monday, by: A. Berger, until: 2999-01-01}\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("GO", 0), gaps(document)


def test_an_expired_waiver_has_no_effect_and_is_reported(trial: Trial) -> None:
    trial.write("test_more.py", "import pytest\n\ndef test_disk_is_there():\n    pytest.skip('no disk yet')\n")
    trial.write(
        "waivers.yaml",
        "- {check: 'test_more.py::test_disk_is_there', reason: comes on Monday, by: A. Berger, until: 2020-01-01}\n",
    )
    named = gaps(trial.run())
    assert "more, disk is there: skipped: no disk yet" in named
    assert any("it expired on 2020-01-01" in gap for gap in named)


def test_a_failed_check_cannot_be_waived(trial: Trial) -> None:
    trial.write("test_more.py", "def test_disk_is_there():\n    assert 1 == 2, 'no disk'\n")
    trial.write(
        "waivers.yaml",
        "- {check: 'test_more.py::test_disk_is_there', reason: never mind, by: A. Berger, until: 2999-01-01}\n",
    )
    assert trial.run()["verdict"] == "NO-GO"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("- {check: a, reason: b, by: c, until: soon}", "until"),
        ("- {check: a, reason: b, until: 2030-01-01}", "by"),
        ("- {check: a, reason: b, by: c, until: 2030-01-01, forever: true}", "forever"),
        ("waive: everything", "not a list"),
        ("false", "holds False, not a list"),
        ("- {check: [", "is not YAML, line 1"),
        (
            "- {check: a, check: b, reason: c, by: d, until: 2030-01-01}",
            "line 1, column 4: duplicate key 'check'",
        ),
        ("- {check: 5, reason: b, by: c, until: 2030-01-01}", "waiver 1, check: 5 is not valid"),
        ("- {check: a, reason: ' ', by: c, until: 2030-01-01}", "waiver 1, reason: ' ' is not valid"),
        ("- {check: a, reason: b, by: c, until: 20300101}", "until: 20300101 is not valid .*written as YYYY-MM-DD"),
        ("- {check: a, reason: b, by: c, until: 2030-01-01 10:00:00}", "until: 2030-01-01 10:00:00 is not valid"),
        ("- test_base.py::test_a", "waiver 1 is 'test_base.py::test_a', not a map"),
        ("- {check: a}", "waiver 1, reason: is missing. Expected: why"),
        ("- {check: ä}".encode("latin-1"), "is not UTF-8 text: byte 0xe4 in line 1"),
        (
            "- {check: a, reason: b, by: c, until: 2030-01-01}\n- {check: a, reason: b, by: c, until: 2031-01-01}",
            "waiver 2, check: 'a' is waived already",
        ),
    ],
)
def test_a_waiver_that_is_wrong_is_refused_with_file_and_key(tmp_path: Path, text: str | bytes, mistake: str) -> None:
    path = tmp_path / "prod.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ExpectedError, match=mistake) as caught:
        read_waivers(path)
    assert str(path) in str(caught.value)
