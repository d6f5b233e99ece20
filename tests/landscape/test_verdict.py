"""Real runs of `pytest verify/`, with its own conftest, about imagined hosts: one has a role that no suite looks at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from console import ExitCode
from landscape.roles import ENDPOINT_SUITES, EVERY_HOST, ROLES
from tests.verify.report.trial import gaps
from toolchain.folders import PROJECT
from verify.report.files import DOCUMENT

CONFTEST = """
import json
from pathlib import Path

from landscape.roles import ROLES, Role
from tests.verify.inventories import inventory
from verify import conftest as production
from verify.conftest import *  # its hooks are those of this run
from verify.inspection.expectations import Expectations

HERE = Path(__file__).parent


class Imagined:
    def __init__(self, loaded, selected):
        pass

    def start_looking(self):
        pass

    def unreachable(self, places):
        return {}

    def prefetch(self, places_by_suite):
        pass


def load(stack):
    ROLES.update({name: Role(name) for name in json.loads((HERE / "registered.json").read_text())})
    more = json.loads((HERE / "hosts.json").read_text())
    return Expectations(inventory({name: (role, "10.9.8.4") for name, role in more.items()}), [], HERE / "ssh_config")


production.FOLDER = HERE
production.LiveHosts = Imagined
production.output_folder = lambda stack: HERE
production.connection.install = lambda: None
production.Expectations.load = load
"""

SUITE = """
import pytest
from verify.inspection.expectations import endpoints, hosts
from verify.report.check_marker import check


class Place:
    proves, needs = "", ()

    def __init__(self, name):
        self.name = self.label = self.place = name


@pytest.mark.parametrize("place", [Place(subject.name) for subject in SUBJECTS])
@check("it")
def test_it_works(place):
    '''No one could work.'''
"""


def verdict(folder: Path, hosts: dict[str, str], registered: list[str]) -> tuple[int, str, list[str]]:
    """The exit code, verdict and gaps of a run that passes every check of every suite there is."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "hosts.json").write_text(json.dumps(hosts))
    (folder / "registered.json").write_text(json.dumps(registered))
    subjects = dict.fromkeys(EVERY_HOST, "hosts()") | dict.fromkeys(ENDPOINT_SUITES, "endpoints()")
    subjects |= {suite: f"hosts({role.name!r})" for role in ROLES.values() for suite in role.suites}
    for suite, these in subjects.items():
        (folder / f"test_{suite}.py").write_text(SUITE.replace("SUBJECTS", these))
    command = [sys.executable, "-m", "pytest", str(folder), "--rootdir", str(folder), "--import-mode=importlib"]
    command += ["-p", "no:cacheprovider", "--stack", "trial"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    report = folder / "report" / DOCUMENT
    assert report.exists(), done.stdout + done.stderr
    document = json.loads(report.read_text())
    return done.returncode, document["verdict"], gaps(document)


def test_a_landscape_whose_every_role_is_looked_at_is_go(tmp_path: Path) -> None:
    assert verdict(tmp_path, {}, []) == (ExitCode.DONE, "GO", [])


@pytest.mark.parametrize("registered", [[], ["nonsense"]])
def test_a_host_whose_role_no_suite_looks_at_is_not_checked(tmp_path: Path, registered: list[str]) -> None:
    """It was GO: the suites of every host had looked at it, and none at what it is there for."""
    expected = (ExitCode.NOT_CHECKED, "NOT CHECKED", ["odd01: its role nonsense has no suite"])
    assert verdict(tmp_path, {"odd01": "nonsense"}, registered) == expected
