"""The plugin in real pytest runs with imagined hosts: what becomes of outcomes and selections."""

from __future__ import annotations

import pytest

from tests.verify.report.trial import Trial, gaps

pytest_plugins = ["pytester"]


def test_a_complete_run_that_passes_is_go(trial: Trial) -> None:
    document = trial.run()
    assert (document["verdict"], trial.status) == ("GO", 0), trial.output
    assert len(document["checks"]) == 4


def test_a_check_carries_its_risk_component_and_evidence(trial: Trial) -> None:
    check = next(check for check in trial.run()["checks"] if check["title"] == "name is right (db01)")
    assert check["risk"] == "Two hosts would be mixed up."
    assert (check["subject"], check["component"]) == ("db01", "name")
    assert check["evidence"] == [{"label": "hostname", "text": "db01"}]


def test_a_failure_is_no_go_with_its_first_sentence_as_the_reason(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "from verify.report.check_marker import check\n\n@check('disk')\ndef test_disk_is_there():\n"
        "    assert 1 == 2, 'the disk is full\\n\\nits journal'\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NO-GO", 3)
    (cause,) = document["causes"]
    assert cause["reason"] == "the disk is full"
    assert next(check["detail"] for check in document["checks"] if check["reason"]) == "its journal"


@pytest.mark.parametrize("raised", ["Slow('no end after 45 s')", "pytest.fail.Exception('no end after 45 s')"])
def test_what_was_raised_for_people_is_the_reason_without_the_name_of_its_type(trial: Trial, raised: str) -> None:
    trial.write(
        "test_more.py",
        f"import pytest\n\nclass Slow(AssertionError):\n    pass\n\ndef test_disk_is_there():\n    raise {raised}\n",
    )
    (cause,) = trial.run()["causes"]
    assert cause["reason"] == "no end after 45 s"


def test_an_error_in_a_check_is_named_with_its_type(trial: Trial) -> None:
    trial.write("test_more.py", "def test_disk_is_there():\n    {}['disk']\n")
    (cause,) = trial.run()["causes"]
    assert cause["reason"] == "KeyError: 'disk'"


@pytest.mark.parametrize(
    ("arguments", "gap"),
    [
        (["-k", "clock"], "2 checks: left out by -k 'clock'"),
        (["--deselect", "test_base.py::test_clock_is_right[db01]"], "1 checks: left out by the selection"),
        (["test_base.py::test_name_is_right"], "all other checks: only test_base.py::test_name_is_right was asked for"),
        (["--selected", "web01"], "2 checks: only web01 was selected by --hosts"),
    ],
)
def test_a_selection_is_not_checked_and_is_named(trial: Trial, arguments: list[str], gap: str) -> None:
    document = trial.run(*arguments)
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4), trial.output
    assert gap in gaps(document)


def test_one_suite_alone_is_not_checked_and_names_the_others(trial: Trial) -> None:
    trial.write("test_web.py", "def test_site_answers():\n    pass\n")
    document = trial.run("test_base.py")
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite web: it was not part of this run"]


def test_all_suites_named_one_by_one_are_a_complete_run(trial: Trial) -> None:
    trial.write("test_web.py", "def test_site_answers():\n    pass\n")
    assert trial.run("test_base.py", "test_web.py")["verdict"] == "GO"


def test_a_suite_that_cannot_be_imported_is_not_checked_and_the_others_still_run(trial: Trial) -> None:
    trial.write("test_web.py", "import nothing_of_this_name\n")
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == [
        "suite web: it cannot be loaded: ModuleNotFoundError: No module named 'nothing_of_this_name'"
    ]
    assert len(document["checks"]) == 4


def test_a_host_out_of_reach_is_reported_once_and_its_tests_do_not_run(trial: Trial) -> None:
    trial.write("gone.json", '{"db01": "Connection timed out"}')
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["db01: out of reach: Connection timed out"]
    assert {check["outcome"] for check in document["checks"] if check["subject"] == "db01"} == {"not run"}
    assert {check["outcome"] for check in document["checks"] if check["subject"] == "web01"} == {"passed"}


def test_a_host_out_of_reach_that_comes_last_in_its_suite_leaves_the_next_suite_alone(trial: Trial) -> None:
    trial.write("gone.json", '{"db01": "Connection timed out"}')
    for suite in ("test_more.py", "test_yet_more.py"):
        trial.write(
            suite,
            "import pytest\n\n@pytest.mark.parametrize('place', [Place('web01'), Place('db01')])\n"
            "def test_disk_is_there(place):\n    pass\n",
        )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert {check["outcome"] for check in document["checks"] if check["subject"] == "web01"} == {"passed"}


def test_a_host_lost_in_the_middle_is_reported_once(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\n"
        "@pytest.mark.parametrize('place', [Place('db01')])\n@pytest.mark.parametrize('number', range(5))\n"
        "def test_disk_is_there(place, number, lose):\n    lose('db01')\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["db01: out of reach: Connection reset by peer"]
    assert trial.output.count("Connection reset by peer") <= 2


def test_an_expected_failure_is_a_failure(trial: Trial) -> None:
    trial.write(
        "test_more.py", "import pytest\n\n@pytest.mark.xfail\ndef test_disk_is_there():\n    assert 1 == 2, 'no'\n"
    )
    assert trial.run()["verdict"] == "NO-GO"


def test_an_error_in_a_fixture_fails_the_check_and_names_the_phase(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\n@pytest.fixture\ndef disk():\n    raise AssertionError('the probe found no python3')\n\n"
        "def test_disk_is_there(disk):\n    pass\n",
    )
    (cause,) = trial.run()["causes"]
    assert cause["reason"] == "during setup: the probe found no python3"
