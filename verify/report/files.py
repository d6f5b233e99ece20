"""The three files of a report: a page for people, JSON for programs, JUnit XML for continuous integration."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolchain.files import write_atomically
from verify.report.matrix import arrange
from verify.report.model import Outcome, Result, Run
from verify.report.page import render_page
from verify.report.verdict import Assessment
from verify.report.wording import consequences

PAGE, DOCUMENT, JUNIT = "readiness.html", "readiness.json", "readiness.xml"


def write_report(folder: Path, run: Run, assessment: Assessment) -> Path:
    """Write all three files; returns the page's path. No reader ever sees a half-written file."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        DOCUMENT: json.dumps(document(run, assessment), indent=1, ensure_ascii=False),
        JUNIT: junit(run, assessment),
        PAGE: render_page(run, assessment),
    }
    for name, text in texts.items():
        write_atomically(folder / name, text.encode(), mode=0o644)
    return folder / PAGE


def document(run: Run, assessment: Assessment) -> dict[str, Any]:
    """The run as plain data. Keys are part of the toolkit's interface: add, do not rename."""
    return {
        "version": 1,
        "verdict": str(assessment.verdict),
        "sentence": assessment.sentence,
        "stack": run.subjects.stack,
        "started": run.started,
        "seconds": run.seconds,
        "causes": [
            {
                "subject": cause.subject,
                "component": cause.component,
                "reason": cause.reason,
                "check": cause.result.check.identifier if cause.result else None,
                "unreachable": cause.unreachable,
                "consequences": [result.check.identifier for result in cause.consequences],
                "summary": consequences([cause], run.subjects),
            }
            for cause in assessment.causes
        ],
        "not_checked": [asdict(gap) for gap in assessment.gaps],
        "subjects": {
            row.subject: {
                "kind": kind.lower(),
                "note": row.note,
                "state": str(row.state),
                "suites": {
                    suite: {"state": str(cell.state), "passed": cell.passed, "total": cell.total}
                    for suite, cell in row.cells.items()
                    if cell.total
                },
            }
            for kind, rows in arrange(run).groups
            for row in rows
        },
        "checks": [_check(result) for result in run.results],
    }


def _check(result: Result) -> dict[str, Any]:
    check = result.check
    return {
        "check": check.identifier,
        "suite": check.suite,
        "subject": check.subject,
        "component": check.component,
        "title": check.title,
        "risk": check.risk,
        "outcome": str(result.outcome),
        "reason": result.reason,
        "detail": result.detail,
        "seconds": round(result.seconds, 3),
        "evidence": [asdict(entry) for entry in result.evidence],
    }


def junit(run: Run, assessment: Assessment) -> str:
    """JUnit XML, one test suite a topic. What was not checked is an error, so that no reader counts it as passed."""
    root = ElementTree.Element("testsuites", name=f"readiness of {run.subjects.stack}: {assessment.verdict}")
    by_suite: dict[str, list[Result]] = {}
    for result in run.results:
        by_suite.setdefault(result.check.suite, []).append(result)
    for suite, results in by_suite.items():
        outcomes = [result.outcome for result in results]
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name=suite,
            tests=str(len(results)),
            failures=str(outcomes.count(Outcome.FAILED)),
            errors=str(outcomes.count(Outcome.NOT_RUN) + outcomes.count(Outcome.SKIPPED)),
            skipped=str(outcomes.count(Outcome.WAIVED)),
            time=f"{sum(result.seconds for result in results):.3f}",
            timestamp=run.started,
        )
        for result in results:
            _case(element, result)
    if assessment.gaps:
        element = ElementTree.SubElement(
            root,
            "testsuite",
            name="not checked",
            tests=str(len(assessment.gaps)),
            errors=str(len(assessment.gaps)),
            failures="0",
        )
        for gap in assessment.gaps:
            case = ElementTree.SubElement(element, "testcase", classname="not checked", name=_clean(gap.what))
            ElementTree.SubElement(case, "error", message=_clean(gap.why))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(parent: ElementTree.Element, result: Result) -> None:
    check = result.check
    case = ElementTree.SubElement(
        parent,
        "testcase",
        classname=f"{check.suite}.{check.subject}",
        name=_clean(f"{check.component}: {check.title}"),
        time=f"{result.seconds:.3f}",
    )
    kinds = {
        Outcome.FAILED: "failure",
        Outcome.NOT_RUN: "error",
        Outcome.SKIPPED: "error",
        Outcome.WAIVED: "skipped",
    }
    if kind := kinds.get(result.outcome):
        ElementTree.SubElement(case, kind, message=_clean(result.reason)).text = _clean(result.detail)
    if result.evidence:
        text = "\n\n".join(f"$ {entry.label}\n{entry.text}" for entry in result.evidence)
        ElementTree.SubElement(case, "system-out").text = _clean(text)


def _clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold: most control characters."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)
