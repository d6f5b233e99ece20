"""The three files of a report."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from tests.verify.report.runs import fail, failed, passing_run, result, run
from verify.report.files import DOCUMENT, JUNIT, PAGE, document, junit, write_report
from verify.report.matrix import State, arrange
from verify.report.model import Gap, Outcome, Run
from verify.report.page import render_page
from verify.report.terminal import render
from verify.report.verdict import assess

HOSTILE = '<script>alert("x")</script> & \x1b[31m "quoted"'


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(made: Run) -> Page:
    return Page(render_page(made, assess(made)))


@pytest.fixture
def broken() -> Run:
    made = fail(
        passing_run(),
        ("app01", "ambulant service is running"),
        ("app01", "ambulant is healthy"),
        ("ambulant", "site runs on every application host"),
    )
    made.results.append(result("web01", "name", Outcome.FAILED, reason=HOSTILE, evidence=HOSTILE))
    made.gaps.append(Gap("suite web", "it cannot be loaded"))
    return made


def test_page_is_well_formed_and_self_contained(broken: Run) -> None:
    parsed = page(broken)
    assert parsed.open == []
    assert parsed.all("script") == []
    assert parsed.all("link") == []
    assert parsed.all("img") == []
    assert all((a.get("href") or "").startswith("#") for a in parsed.all("a"))
    assert "http://" not in render_page(broken, assess(broken))


def test_page_shows_a_hosts_output_as_text(broken: Run) -> None:
    text = render_page(broken, assess(broken))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_every_link_of_the_page_leads_somewhere(broken: Run) -> None:
    parsed = page(broken)
    targets = {attributes.get("id") for _, attributes in parsed.tags}
    links = {(a["href"] or "").removeprefix("#") for a in parsed.all("a")}
    assert links <= targets


def test_no_two_parts_of_the_page_have_the_same_name(broken: Run) -> None:
    names = [attributes["id"] for _, attributes in page(broken).tags if "id" in attributes]
    assert len(names) == len(set(names))


def test_page_has_a_row_for_every_host_and_endpoint_even_unchecked() -> None:
    made = run(failed("db01", "clock"))
    parsed = page(made)
    rows = [name for name in (*made.subjects.hosts, *made.subjects.endpoints) if f"{name}: " in parsed.text]
    assert rows == [*made.subjects.hosts, *made.subjects.endpoints]


def test_page_has_the_verdict_in_title_and_heading(broken: Run) -> None:
    text = render_page(broken, assess(broken))
    assert "<title>NO-GO" in text
    assert "<h1>NO-GO</h1>" in text


def test_document_holds_verdict_causes_and_every_check(broken: Run) -> None:
    made = json.loads(json.dumps(document(broken, assess(broken))))
    assert made["verdict"] == "NO-GO"
    assert [cause["subject"] for cause in made["causes"]] == ["app01", "web01"]
    assert made["causes"][0]["consequences"] == [
        "test_application.py::test_ambulant_is_healthy[app01]",
        "test_endpoints.py::test_site_runs_on_every_application_host[ambulant]",
    ]
    assert len(made["checks"]) == len(broken.results)
    assert made["subjects"]["app01"]["state"] == "failed"
    assert made["not_checked"] == [{"what": "suite web", "why": "it cannot be loaded"}]


def test_junit_counts_what_was_not_checked_as_errors(broken: Run) -> None:
    broken.results.append(result("db01", "late", Outcome.NOT_RUN, reason="db01 is out of reach", unreachable="db01"))
    root = ElementTree.fromstring(junit(broken, assess(broken)))
    suites = {suite.get("name"): suite for suite in root}
    assert suites["base"].get("failures") == "1"
    assert suites["base"].get("errors") == "1"
    assert suites["not checked"].get("errors") == str(len(suites["not checked"]))
    cases = [case for suite in root for case in suite.iter("testcase")]
    assert sum(case.find("failure") is not None for case in cases) == len(broken.failed())


def test_junit_is_xml_whatever_a_host_prints(broken: Run) -> None:
    root = ElementTree.fromstring(junit(broken, assess(broken)))
    messages = [failure.get("message") for failure in root.iter("failure")]
    assert any(message and "\N{REPLACEMENT CHARACTER}[31m" in message for message in messages)


def test_report_consists_of_its_three_files_and_leaves_no_other(tmp_path: Path, broken: Run) -> None:
    folder = tmp_path / "report"
    assert write_report(folder, broken, assess(broken)) == folder / PAGE
    write_report(folder, broken, assess(broken))
    assert {path.name for path in folder.iterdir()} == {PAGE, DOCUMENT, JUNIT}


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Outcome.PASSED, Outcome.WAIVED], State.PASSED),
        ([Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED], State.FAILED),
        ([Outcome.PASSED, Outcome.SKIPPED], State.NOT_CHECKED),
        ([Outcome.NOT_RUN], State.NOT_CHECKED),
        ([], State.NONE),
    ],
)
def test_cell_shows_the_worst_of_its_checks(outcomes: list[Outcome], state: State) -> None:
    made = run(*(result("db01", f"check {n}", outcome) for n, outcome in enumerate(outcomes)), result("web01", "one"))
    row = next(row for row in arrange(made).hosts if row.subject == "db01")
    assert row.cells["base"].state is state


def test_an_unreachable_hosts_row_is_not_checked() -> None:
    made = run(result("web01", "one"), unreachable={"db01": "Connection timed out"})
    row = next(row for row in arrange(made).hosts if row.subject == "db01")
    assert row.state is State.NOT_CHECKED


SUITES = ("base", "management", "application", "endpoints", "network", "monitoring", "transfer", "updates", "backup")


@pytest.mark.parametrize(("width", "shown"), [(100, False), (121, False), (160, True)])
def test_counts_are_never_cut_short_for_a_hosts_role(width: int, shown: bool) -> None:
    """A landscape with all roles has a dozen suites; a host's role is shown elsewhere too."""
    made = run(*(result("db01", f"{suite} is right", suite=suite) for suite in SUITES for _ in range(18)))
    output = io.StringIO()
    console = Console(file=output, width=width)
    console.print(render(made, assess(made), None, width))
    (line,) = [line for line in output.getvalue().splitlines() if line.startswith("✓ db01")]
    assert line.count("18 ✓") == len(SUITES)
    assert ("database" in line) is shown
