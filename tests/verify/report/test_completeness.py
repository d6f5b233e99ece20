"""Whatever a run did not check, or lost on the way, is named, and the run is not GO."""

from __future__ import annotations

from tests.verify.report.trial import CONFTEST, Trial, gaps
from verify.report.model import ENDED_FIRST

pytest_plugins = ["pytester"]


def write_later(name: str, what: str) -> str:
    """The source of a suite whose only test changes what the imagined hosts answer."""
    return (
        "from pathlib import Path\n\ndef test_disk_is_there():\n"
        f"    Path(__file__).with_name({name!r}).write_text({what!r})\n"
    )


def test_a_host_that_was_lost_after_its_checks_is_not_checked(trial: Trial) -> None:
    trial.write("test_more.py", write_later("gone.json", '{"db01": "Connection timed out"}'))
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["db01: out of reach: Connection timed out (it answered when this run began)"]


def test_a_jump_host_lost_in_the_middle_is_reported_instead_of_those_behind_it(trial: Trial) -> None:
    trial.write("test_b.py", write_later("gone.json", '{"mgmt01": "refused", "db01": "closed", "web01": "closed"}'))
    trial.write(
        "test_c.py",
        "import pytest\n\n@pytest.mark.parametrize('place', [Place('db01'), Place('web01')])\n"
        "def test_disk_is_there(place, lose):\n    lose(place.name)\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    (cause,) = document["causes"]
    assert (cause["subject"], cause["unreachable"]) == ("mgmt01", True)


def test_one_failed_look_that_several_checks_share_is_one_cause(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\nLOST = AssertionError('no end after 45 s')\n\n"
        "@pytest.mark.parametrize('number', range(5))\ndef test_disk_is_there(number):\n    raise LOST\n",
    )
    document = trial.run()
    (cause,) = document["causes"]
    assert (cause["reason"], len(cause["consequences"])) == ("no end after 45 s", 4)


def test_a_failure_is_not_undone_by_its_teardown(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\n@pytest.fixture\ndef disk():\n    yield\n    pytest.skip('never mind')\n\n"
        "def test_disk_is_there(disk):\n    assert 1 == 2, 'no disk'\n",
    )
    assert trial.run()["verdict"] == "NO-GO"


def test_an_interruption_at_the_very_end_is_not_checked(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\n@pytest.fixture\ndef disk():\n    yield\n    raise KeyboardInterrupt\n\n"
        "def test_disk_is_there(disk):\n    pass\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert "the run: it was interrupted" in gaps(document)


def test_a_run_that_is_aborted_after_its_last_check_is_not_checked(trial: Trial) -> None:
    trial.write(
        "conftest.py",
        CONFTEST + "\n\ndef pytest_runtest_logfinish(nodeid):\n"
        "    if nodeid.endswith('clock_is_right[web01]'):\n        raise BrokenPipeError('nobody reads')\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert any("aborted by an internal error" in gap for gap in gaps(document))


def test_a_listing_of_the_checks_does_not_end_as_go_does(trial: Trial) -> None:
    trial.write("out.json", "{}")
    trial.run("--collect-only", str(trial.folder))
    assert trial.status == 4


def test_checks_that_were_not_collected_are_named(trial: Trial) -> None:
    document = trial.run("-o", "python_functions=test_name*", str(trial.folder))
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite base: not collected: test_clock_is_right"]


def test_a_check_hidden_by_another_of_the_same_name_is_named(trial: Trial) -> None:
    trial.write("test_more.py", "def test_disk():\n    assert False\n\n\ndef test_disk():\n    pass\n")
    assert gaps(trial.run()) == ["suite more: hidden by another check of the same name: test_disk"]


def test_a_check_with_nothing_to_check_is_not_checked_unless_the_landscape_has_none_on_purpose(trial: Trial) -> None:
    text = (
        "import pytest\nfrom verify.report.check_marker import check\n\n@pytest.mark.parametrize('disk', [])\n"
        "@check('disk'{})\ndef test_disk_is_there(disk):\n    pass\n"
    )
    trial.write("test_more.py", text.format(""))
    # A suite for which this landscape has no host may have nothing to check.
    assert trial.run()["verdict"] == "GO"
    trial.write("required.json", '{"db01": ["base", "more"]}')
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite more: disk is there: it has nothing to check"]
    trial.write("test_more.py", text.format(", applies=True"))
    assert trial.run()["verdict"] == "NOT CHECKED"
    trial.write("test_more.py", text.format(", applies=False") + "\n\ndef test_other():\n    pass\n")
    assert not any("nothing to check" in gap for gap in gaps(trial.run()))


def test_a_suite_that_skips_itself_says_why(trial: Trial) -> None:
    trial.write("test_web.py", "import pytest\n\npytest.skip('no nginx today', allow_module_level=True)\n")
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite web: it skips itself: no nginx today"]


def test_a_suite_that_is_required_but_has_no_file_is_named_with_those_that_require_it(trial: Trial) -> None:
    """E.g. of a role that was added to the registry only."""
    trial.write("required.json", '{"db01": ["base", "queue"], "web01": ["queue"]}')
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite queue: required for db01, web01, but there is no file test_queue.py"]


def test_a_host_that_no_suite_looks_at_is_not_checked(trial: Trial) -> None:
    trial.write("hosts.json", '{"db01": "database", "web01": "web", "queue01": "queue"}')
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["queue01: no suite looked at it"]


ABOUT_NOTHING = """
import pytest
from verify.report.check_marker import check

testinfra_hosts = []


@check("smb")
def test_smb_is_running(host):
    assert host is None


@pytest.mark.parametrize("area", [])
@check("{area}")
def test_area_has_a_share(area):
    assert area is None


def test_standby_follows():
    assert 1 == 2, "no standby"


test_standby_follows = check("replication", applies=APPLIES)(test_standby_follows)
"""


def test_what_a_landscape_does_not_have_is_not_checked_for(trial: Trial) -> None:
    """No file host, no endpoint, no standby: neither failed nor missing. Twin: what does apply can fail."""
    trial.write("test_file.py", ABOUT_NOTHING.replace("APPLIES", "False"))
    document = trial.run()
    assert (document["verdict"], trial.status) == ("GO", 0), trial.output
    trial.write("test_file.py", ABOUT_NOTHING.replace("APPLIES", "True"))
    assert [cause["reason"] for cause in trial.run()["causes"]] == ["no standby"]


def test_a_run_that_stops_at_the_first_failure_names_what_it_left_out(trial: Trial) -> None:
    trial.write("test_a.py", "def test_disk_is_there():\n    assert 1 == 2, 'no disk'\n")
    document = trial.run("-x", str(trial.folder))
    assert (document["verdict"], trial.status) == ("NO-GO", 3)
    assert any(ENDED_FIRST in gap for gap in gaps(document))


def test_a_run_whose_tests_are_only_set_up_is_not_checked(trial: Trial) -> None:
    assert trial.run("--setup-only", str(trial.folder))["verdict"] == "NOT CHECKED"
