"""The plugin in real pytest runs. The hosts are imagined: what is tested is what becomes of outcomes and selections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console import ExpectedError
from verify.report.waivers import read_waivers

pytest_plugins = ["pytester"]

CONFTEST = """
import json
from pathlib import Path

import pytest

from verify import checks
from verify.connection import HostLost
from verify.evidence import note
from verify.report.files import document
from verify.report.model import Subjects
from verify.report.plugin import Readiness
from verify.report.waivers import read_waivers

FOLDER = Path(__file__).parent


class Imagined:
    def unreachable(self, places):
        gone = json.loads((FOLDER / "gone.json").read_text())
        return {name: reason for name, reason in gone.items() if name in places | {"mgmt01"}}

    def prefetch(self, places_by_suite):
        pass


def pytest_addoption(parser):
    parser.addoption("--selected", default=None)


def pytest_configure(config):
    config.addinivalue_line("markers", checks.MARKER)
    config.option.continue_on_collection_errors = True
    asked = json.loads((FOLDER / "required.json").read_text())
    required = {name: frozenset(suites) for name, suites in asked.items()}
    hosts = {"db01": "database", "web01": "web", "mgmt01": "management"}
    subjects = Subjects("trial", hosts, {"kita": "kita.example.test"}, "mgmt01", required)
    suites = {path.stem.removeprefix("test_") for path in FOLDER.glob("test_*.py")}
    selected = config.getoption("--selected")
    config.pluginmanager.register(
        Readiness(
            subjects,
            suites,
            Imagined(),
            read_waivers(FOLDER / "waivers.yaml"),
            set(selected.split(",")) if selected else None,
            finished,
        )
    )


def finished(run, judgement):
    (FOLDER / "out.json").write_text(json.dumps(document(run, judgement)))
    return judgement


class Place:
    def __init__(self, name):
        self.name = self.label = self.place = name
        self.proves, self.needs = "", ()


class Lost:
    @staticmethod
    def lose(name):
        raise HostLost(name, "Connection reset by peer")


@pytest.fixture
def lose():
    return Lost.lose


@pytest.fixture
def evidence():
    return note


def pytest_make_parametrize_id(val):
    return getattr(val, "name", None)


import builtins
builtins.Place = Place
"""

BASE = '''
"""A suite."""
import pytest
from verify.checks import check

pytestmark = pytest.mark.parametrize("place", [Place("db01"), Place("web01")])


@check("name")
def test_name_is_right(place, evidence):
    """Two hosts would be mixed up."""
    evidence("hostname", place.name)


@check("clock")
def test_clock_is_right(place):
    """Records would be out of order."""
'''


class Trial:
    """A folder of suites and what a run of them gave."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        self.write("conftest.py", CONFTEST)
        self.write("test_base.py", BASE)
        self.write("gone.json", "{}")
        self.write("required.json", "{}")
        self.status = 0
        self.output = ""

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def run(self, *arguments: str) -> dict[str, Any]:
        options = ["-p", "no:cacheprovider", "--import-mode=importlib", *(arguments or [str(self.folder)])]
        result = self.pytester.runpytest_inprocess(*options)
        self.status, self.output = int(result.ret), result.stdout.str() + result.stderr.str()
        document: dict[str, Any] = json.loads((self.folder / "out.json").read_text())
        return document


@pytest.fixture
def trial(pytester: pytest.Pytester) -> Trial:
    return Trial(pytester)


def gaps(document: dict[str, Any]) -> list[str]:
    return [f"{gap['what']}: {gap['why']}" for gap in document["not_checked"]]


def test_a_whole_run_that_passes_is_go(trial: Trial) -> None:
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
        "from verify.checks import check\n\n@check('disk')\ndef test_disk_is_there():\n"
        "    assert 1 == 2, 'the disk is full\\n\\nits journal'\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NO-GO", 3)
    (cause,) = document["causes"]
    assert cause["reason"] == "the disk is full"
    assert next(check["detail"] for check in document["checks"] if check["reason"]) == "its journal"


@pytest.mark.parametrize(
    ("arguments", "gap"),
    [
        (["-k", "clock"], "2 checks: left out by -k 'clock'"),
        (["--deselect", "test_base.py::test_clock_is_right[db01]"], "1 checks: left out by the selection"),
        (["test_base.py::test_name_is_right"], "all other checks: only test_base.py::test_name_is_right was asked for"),
        (["--selected", "web01"], "2 checks: only web01 was selected by --hosts"),
    ],
)
def test_a_selection_is_not_checked_and_says_which(trial: Trial, arguments: list[str], gap: str) -> None:
    document = trial.run(*arguments)
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4), trial.output
    assert gap in gaps(document)


def test_one_suite_alone_is_not_checked_and_names_the_others(trial: Trial) -> None:
    trial.write("test_web.py", "def test_site_answers():\n    pass\n")
    document = trial.run("test_base.py")
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite web: it was not part of this run"]


def test_all_suites_named_one_by_one_are_a_whole_run(trial: Trial) -> None:
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


def test_a_host_out_of_reach_is_told_once_and_its_tests_have_no_turn(trial: Trial) -> None:
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


def test_a_host_lost_in_the_middle_is_told_once(trial: Trial) -> None:
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


def write_later(name: str, what: str) -> str:
    """Source of a suite whose one test changes what the imagined world says."""
    return (
        "from pathlib import Path\n\ndef test_disk_is_there():\n"
        f"    Path(__file__).with_name({name!r}).write_text({what!r})\n"
    )


def test_a_host_that_was_lost_after_its_checks_is_not_checked(trial: Trial) -> None:
    trial.write("test_more.py", write_later("gone.json", '{"db01": "Connection timed out"}'))
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["db01: out of reach: Connection timed out (it answered when this run began)"]


def test_a_jump_host_lost_in_the_middle_is_told_instead_of_those_behind_it(trial: Trial) -> None:
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


def test_a_failure_is_not_undone_by_what_its_teardown_says(trial: Trial) -> None:
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


def test_a_run_that_breaks_off_after_its_last_check_is_not_checked(trial: Trial) -> None:
    trial.write(
        "conftest.py",
        CONFTEST + "\n\ndef pytest_runtest_logfinish(nodeid):\n"
        "    if nodeid.endswith('clock_is_right[web01]'):\n        raise BrokenPipeError('nobody reads')\n",
    )
    document = trial.run()
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert any("broke off" in gap for gap in gaps(document))


def test_a_listing_of_the_checks_does_not_end_as_go_does(trial: Trial) -> None:
    trial.write("out.json", "{}")
    trial.run("--collect-only", str(trial.folder))
    assert trial.status == 4


def test_checks_that_were_not_collected_are_named(trial: Trial) -> None:
    document = trial.run("-o", "python_functions=test_name*", str(trial.folder))
    assert (document["verdict"], trial.status) == ("NOT CHECKED", 4)
    assert gaps(document) == ["suite base: not collected: test_clock_is_right"]


def test_a_check_hidden_by_another_of_its_name_is_named(trial: Trial) -> None:
    trial.write("test_more.py", "def test_disk():\n    assert False\n\n\ndef test_disk():\n    pass\n")
    assert gaps(trial.run()) == ["suite more: hidden by another check of the same name: test_disk"]


def test_a_check_with_nothing_to_check_is_not_checked_unless_the_landscape_has_none_on_purpose(trial: Trial) -> None:
    text = (
        "import pytest\nfrom verify.checks import check\n\n@pytest.mark.parametrize('disk', [])\n"
        "@check('disk'{})\ndef test_disk_is_there(disk):\n    pass\n"
    )
    trial.write("test_more.py", text.format(""))
    # A suite that this landscape has no host for may be about nothing.
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


ABOUT_NOTHING = """
import pytest
from verify.checks import check

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


def test_what_a_landscape_does_not_have_is_no_check_of_it(trial: Trial) -> None:
    """No file host, no endpoint, no standby: neither failed nor missing. Twin: what does apply is judged."""
    trial.write("test_file.py", ABOUT_NOTHING.replace("APPLIES", "False"))
    document = trial.run()
    assert (document["verdict"], trial.status) == ("GO", 0), trial.output
    trial.write("test_file.py", ABOUT_NOTHING.replace("APPLIES", "True"))
    assert [cause["reason"] for cause in trial.run()["causes"]] == ["no standby"]


def test_an_ended_waiver_waives_nothing_and_is_named(trial: Trial) -> None:
    trial.write("test_more.py", "import pytest\n\ndef test_disk_is_there():\n    pytest.skip('no disk yet')\n")
    trial.write(
        "waivers.yaml",
        "- {check: 'test_more.py::test_disk_is_there', reason: comes on Monday, by: A. Berger, until: 2020-01-01}\n",
    )
    told = gaps(trial.run())
    assert "more, disk is there: skipped: no disk yet" in told
    assert any("it ended on 2020-01-01" in gap for gap in told)


def test_a_failed_check_cannot_be_waived(trial: Trial) -> None:
    trial.write("test_more.py", "def test_disk_is_there():\n    assert 1 == 2, 'no disk'\n")
    trial.write(
        "waivers.yaml",
        "- {check: 'test_more.py::test_disk_is_there', reason: never mind, by: A. Berger, until: 2999-01-01}\n",
    )
    assert trial.run()["verdict"] == "NO-GO"


def test_an_expected_failure_is_a_failure(trial: Trial) -> None:
    trial.write(
        "test_more.py", "import pytest\n\n@pytest.mark.xfail\ndef test_disk_is_there():\n    assert 1 == 2, 'no'\n"
    )
    assert trial.run()["verdict"] == "NO-GO"


def test_a_run_that_stops_at_the_first_failure_says_what_it_left(trial: Trial) -> None:
    trial.write("test_a.py", "def test_disk_is_there():\n    assert 1 == 2, 'no disk'\n")
    document = trial.run("-x", str(trial.folder))
    assert (document["verdict"], trial.status) == ("NO-GO", 3)
    assert any("the run ended before its turn" in gap for gap in gaps(document))


def test_a_run_whose_tests_are_only_set_up_is_not_checked(trial: Trial) -> None:
    assert trial.run("--setup-only", str(trial.folder))["verdict"] == "NOT CHECKED"


def test_an_error_in_a_fixture_fails_the_check_and_says_where(trial: Trial) -> None:
    trial.write(
        "test_more.py",
        "import pytest\n\n@pytest.fixture\ndef disk():\n    raise AssertionError('the probe found no python3')\n\n"
        "def test_disk_is_there(disk):\n    pass\n",
    )
    (cause,) = trial.run()["causes"]
    assert cause["reason"] == "in its setup: the probe found no python3"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("- {check: a, reason: b, by: c, until: soon}", "until"),
        ("- {check: a, reason: b, until: 2030-01-01}", "by"),
        ("- {check: a, reason: b, by: c, until: 2030-01-01, forever: true}", "forever"),
        ("waive: everything", "holds no list"),
        ("false", "holds no list, but False"),
        ("- {check: [", "is not YAML, line 1"),
        (
            "- {check: a, check: b, reason: c, by: d, until: 2030-01-01}",
            "line 1, column 4: the key 'check' stands twice",
        ),
        ("- {check: 5, reason: b, by: c, until: 2030-01-01}", "waiver 1, check: 5 is not valid"),
        ("- {check: a, reason: ' ', by: c, until: 2030-01-01}", "waiver 1, reason: ' ' is not valid"),
        ("- {check: a, reason: b, by: c, until: 20300101}", "until: 20300101 is not valid .*written as YYYY-MM-DD"),
        ("- {check: a, reason: b, by: c, until: 2030-01-01 10:00:00}", "until: 2030-01-01 10:00:00 is not valid"),
        ("- test_base.py::test_a", "waiver 1 is 'test_base.py::test_a', not a map"),
        ("- {check: a}", "waiver 1, reason: is missing. Right would be why"),
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
