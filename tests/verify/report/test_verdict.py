"""When a run is GO, NO-GO or NOT CHECKED."""

from __future__ import annotations

from typing import Any

import pytest

from console import ExitCode
from tests.verify.report import runs
from tests.verify.report.runs import ENDPOINTS, failed, passing_run, result, subjects
from verify.report.model import ENDED_FIRST, Gap, Outcome, Result, Run, Verdict
from verify.report.verdict import assess

SKIPPED = result("db01", "disk is right", Outcome.SKIPPED, reason="there is no disk")
WAIVED = result("db01", "disk is right", Outcome.WAIVED, reason="there is no disk")
LATE = result("db01", "disk is right", Outcome.NOT_RUN, reason=ENDED_FIRST)
BEHIND_DB01 = result("db01", "disk is right", Outcome.NOT_RUN, reason="db01 is out of reach", unreachable="db01")
NEEDS_DB01 = failed("app01", "database answers", needs=(("host:db01",),))
FINE = result("db01", "name is right")
SELECTION = Gap("12 checks", "left out by -k 'web'")


def run(*results: Result, **changes: Any) -> Run:
    """A run of a landscape that consists of db01, unless it names others."""
    return runs.run(*results, **{"subjects": subjects(hosts={"db01": "database"}, endpoints={}), **changes})


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        pytest.param(passing_run(), Verdict.GO, id="all passed"),
        pytest.param(run(FINE), Verdict.GO, id="one host, one check"),
        pytest.param(run(FINE, WAIVED), Verdict.GO, id="a skipped check is waived"),
        pytest.param(run(FINE, failed("db01", "clock")), Verdict.NO_GO, id="one failed"),
        pytest.param(run(FINE, SKIPPED), Verdict.NOT_CHECKED, id="one skipped"),
        pytest.param(run(FINE, LATE), Verdict.NOT_CHECKED, id="the run ended early"),
        pytest.param(run(FINE, gaps=[SELECTION]), Verdict.NOT_CHECKED, id="a selection"),
        pytest.param(
            run(FINE, BEHIND_DB01, unreachable={"db01": "timeout"}), Verdict.NOT_CHECKED, id="a host out of reach"
        ),
        pytest.param(
            run(FINE, NEEDS_DB01, unreachable={"db01": "timeout"}),
            Verdict.NOT_CHECKED,
            id="a failure that is a consequence of a host out of reach",
        ),
        pytest.param(
            run(failed("app01", "clock"), unreachable={"db01": "timeout"}),
            Verdict.NO_GO,
            id="a host out of reach and a failure of its own",
        ),
        pytest.param(run(failed("db01", "clock"), gaps=[SELECTION]), Verdict.NO_GO, id="a selection with a failure"),
        pytest.param(
            run(FINE, subjects=subjects(required={"db01": frozenset({"base", "database"})})),
            Verdict.NOT_CHECKED,
            id="a host that a required suite did not look at",
        ),
        pytest.param(
            run(FINE, subjects=subjects(required={"kita": frozenset({"endpoints"})})),
            Verdict.NOT_CHECKED,
            id="an endpoint without any check",
        ),
        pytest.param(run(FINE, gaps=[Gap("db01", "its role queue has no suite")]), Verdict.NOT_CHECKED, id="a role"),
    ],
)
def test_verdict_of(made: Run, verdict: Verdict) -> None:
    assert assess(made).verdict is verdict


def test_nothing_but_go_ends_with_zero() -> None:
    codes = {verdict: verdict.exit_code for verdict in Verdict}
    assert codes == {
        Verdict.GO: ExitCode.DONE,
        Verdict.NO_GO: ExitCode.NO_GO,
        Verdict.NOT_CHECKED: ExitCode.NOT_CHECKED,
    }
    assert [verdict for verdict, code in codes.items() if code == 0] == [Verdict.GO]


def test_a_run_without_any_check_of_a_landscape_is_never_go() -> None:
    required = {"db01": frozenset({"base"})}
    assert assess(run(subjects=subjects(required=required))).verdict is Verdict.NOT_CHECKED
    assert assess(run()).verdict is Verdict.NOT_CHECKED


@pytest.mark.parametrize(
    "unseen", [{"hosts": {"db01": "database", "queue01": "queue"}, "endpoints": {}}, {"hosts": {"db01": "database"}}]
)
def test_a_host_or_endpoint_that_no_suite_looked_at_is_not_checked_although_nothing_requires_one(
    unseen: dict[str, Any],
) -> None:
    assessment = assess(run(FINE, subjects=subjects(**unseen)))
    assert assessment.verdict is Verdict.NOT_CHECKED
    assert {gap.why for gap in assessment.gaps} == {"no suite looked at it"}
    assert {gap.what for gap in assessment.gaps} == ({"queue01"} if "endpoints" in unseen else set(ENDPOINTS))


def test_a_host_that_one_of_its_suites_did_not_look_at_is_named_with_the_suite() -> None:
    required = {"db01": frozenset({"base", "database"})}
    assessment = assess(run(FINE, subjects=subjects(hosts={"db01": "database"}, endpoints={}, required=required)))
    assert [str(gap) for gap in assessment.gaps] == ["db01: no check of the suite database was about it"]


def test_a_host_out_of_reach_is_named_once_however_many_checks_it_had() -> None:
    late = [result("db01", f"check {number}", Outcome.NOT_RUN, unreachable="db01") for number in range(40)]
    assessment = assess(run(*late, FINE, unreachable={"db01": "Connection timed out"}))
    assert [str(gap) for gap in assessment.gaps] == ["db01: out of reach: Connection timed out"]


def test_the_sentence_names_the_number_of_causes_and_of_what_follows() -> None:
    made = run(failed("db01", "running", proves="x"), failed("app01", "health", needs=(("x",),)))
    assert assess(made).sentence == "1 cause, 1 further check failed because of it."
