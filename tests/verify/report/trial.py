"""A folder of suites about imagined hosts, and real pytest runs of it with the readiness plugin."""

from __future__ import annotations

import json
from typing import Any

import pytest

CONFTEST = """
import json
from pathlib import Path

import pytest

from verify.report import check_marker
from verify.report.errors import HostLost
from verify.report.evidence import note
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
    config.addinivalue_line("markers", check_marker.MARKER)
    config.option.continue_on_collection_errors = True
    asked = json.loads((FOLDER / "required.json").read_text())
    required = {name: frozenset(suites) for name, suites in asked.items()}
    hosts = json.loads((FOLDER / "hosts.json").read_text())
    subjects = Subjects("trial", hosts, {}, "mgmt01", required)
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


def finished(run, assessment):
    (FOLDER / "out.json").write_text(json.dumps(document(run, assessment)))
    return assessment


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
from verify.report.check_marker import check

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
    """A folder of suites, and the outcome of the last run of them."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path
        self.write("conftest.py", CONFTEST)
        self.write("test_base.py", BASE)
        self.write("gone.json", "{}")
        self.write("required.json", "{}")
        self.write("hosts.json", '{"db01": "database", "web01": "web"}')
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


def gaps(document: dict[str, Any]) -> list[str]:
    return [f"{gap['what']}: {gap['why']}" for gap in document["not_checked"]]
