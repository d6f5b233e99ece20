"""The readiness page: one self-contained HTML file that works without scripts and prints well."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from verify.report.matrix import State, arrange
from verify.report.model import Outcome, Run, Verdict
from verify.report.verdict import Assessment
from verify.report.wording import consequences

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["slug"] = lambda text: "".join(letter if letter.isalnum() else "-" for letter in str(text))

MARKS = {State.PASSED: "✓", State.FAILED: "✗", State.NOT_CHECKED: "?", State.NONE: "·"}
OUTCOME_STATES = {
    Outcome.PASSED: State.PASSED,
    Outcome.WAIVED: State.PASSED,
    Outcome.FAILED: State.FAILED,
    Outcome.SKIPPED: State.NOT_CHECKED,
    Outcome.NOT_RUN: State.NOT_CHECKED,
}
CLASSES = {Verdict.GO: "go", Verdict.NO_GO: "no-go", Verdict.NOT_CHECKED: "not-checked"}


def render_page(run: Run, assessment: Assessment) -> str:
    """The complete page."""
    matrix = arrange(run)
    started = datetime.fromisoformat(run.started)
    unreachable = {cause.subject for cause in assessment.causes if cause.unreachable}
    return _environment.get_template("page.html.j2").render(
        run=run,
        assessment=assessment,
        verdict_class=CLASSES[assessment.verdict],
        started=started.strftime("%Y-%m-%d %H:%M:%S %z"),
        matrix=matrix,
        marks=MARKS,
        outcome_states=OUTCOME_STATES,
        causes=[(group, consequences(group, run.subjects)) for group in assessment.groups],
        gaps=[gap for gap in assessment.gaps if gap.what not in unreachable],
        passed=sum(result.outcome is Outcome.PASSED for result in run.results),
    )
